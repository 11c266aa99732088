"""Recorded training steps (tests/reference/updates.h5), and whether a peer's numbers are theirs.

What is compared, and how closely, is what `tide conform` asks of Tide: losses and gradients of the first step within
1e-4 relative or 1e-6 absolute, every parameter after each step within 2e-5 absolute. CQL's regulariser, of weight 10
there, pushes and pulls with ten times the gradients that remain: there it is 1e-5 absolute.

With products in bfloat16, whose factors have 8 bits, numbers cannot be so near. There a loss has to be within 5 % or
0.05, and a network's gradient, all its layers together, within 10 % of its length. Parameters are not compared: Adam's
first steps are of one length whatever the gradients' sizes are."""
import pathlib

import h5py
import numpy as np

FILE = pathlib.Path(__file__).resolve().parents[2] / "reference" / "updates.h5"
RELATIVE, ABSOLUTE, PARAMETERS = 1e-4, 1e-6, 2e-5
ROUGH_LOSS, ROUGH_GRADIENT = 0.05, 0.1
FIELDS = ("observations", "actions", "rewards", "next_observations", "terminals")


def _tree(group):
    tree = {name: value.item() if hasattr(value, "item") else value for name, value in group.attrs.items()}
    for name, item in group.items():
        tree[name] = _tree(item) if isinstance(item, h5py.Group) else np.asarray(item, np.float32)
    return tree


def read(case):
    """A case of the file as nested dictionaries: attributes are numbers, datasets float32 arrays."""
    with h5py.File(FILE) as file:
        return _tree(file[case])


def layers(net):
    """The (weight, bias) pairs of a recorded network, weights as (out, in)."""
    return [(net[f"layer{i}"]["weight"], net[f"layer{i}"]["bias"]) for i in range(len(net))]


def batch(rows):
    """A recorded minibatch; rewards and terminals as vectors."""
    return {name: rows[name].reshape(-1) if name in ("rewards", "terminals") else rows[name] for name in FIELDS}


def joined(first, second):
    """Two minibatches, one below the other."""
    return {name: np.concatenate([first[name], second[name]]) for name in FIELDS}


def batches(name, step):
    """The minibatches of a step as the peers' updates take them."""
    parts = {key: batch(rows) for key, rows in step["batch"].items()}
    if name == "sac":
        return [joined(parts["00_sim"], parts["01_real"])]
    if name == "cql":
        return [parts["real_train"]]
    return [parts["real_train"], parts["sim_train"], parts["real_discriminator"], parts["sim_discriminator"]]


def options(name, case):
    """The hyper-parameters of a case in the peers' words."""
    if name == "sac":
        return dict(discount=case["gamma"], tau=case["tau"], policy_lr=case["actor_lr"], critic_lr=case["critic_lr"],
                    target_entropy=-float(case["action_dim"]))
    chosen = dict(discount=case["discount"], tau=case["soft_target_update_rate"], policy_lr=case["policy_lr"],
                  critic_lr=case["qf_lr"], target_entropy=case["target_entropy"])
    if name == "cql":
        return dict(chosen, beta=case["cql_alpha"], samples=case["cql_n_actions"])
    return dict(chosen, discriminator_lr=case["d_sa_lr"], noise_std=case["noise_std_discriminator"],
                beta=case["cql_min_q_weight"], next_samples=case["sampling_n_next_states"],
                ratio_clip=(case["clip_dynamics_ratio_min"], case["clip_dynamics_ratio_max"]),
                gap_clip=(case["sim_q_coeff_min"], case["sim_q_coeff_max"]))


# The recorded losses that the peers tell too, by their names here.
LOSSES = {
    "sac": {},
    "cql": {"qf1_loss": "q1_loss", "qf2_loss": "q2_loss", "policy_loss": "policy_loss", "cql_qf1_diff": "q1_gap",
            "cql_qf2_diff": "q2_gap"},
    "h2o": {"dsa_train_loss": "d_sa_loss", "dsas_train_loss": "d_sas_loss", "policy_loss": "policy_loss",
            "qf1_loss": "q1_loss", "qf2_loss": "q2_loss", "cql_cql_qf1_diff": "q1_gap", "cql_cql_qf2_diff": "q2_gap",
            "cql_u_sa": "u"},
}
CASES = {"sac": "sac", "cql": "cql/base", "h2o": "h2o/base"}


class Agreement:
    """Collects differences; `problems` is empty where all of them are within tolerance."""

    def __init__(self):
        self.compared, self.worst, self.problems = 0, 0.0, []

    def note(self, what, got, wanted, relative, absolute):
        got, wanted = np.asarray(got, np.float64).reshape(-1), np.asarray(wanted, np.float64).reshape(-1)
        if got.shape != wanted.shape:
            self.problems.append(f"{what}: {got.shape} numbers, {wanted.shape} are expected")
            return
        difference = np.abs(got - wanted)
        self.compared += difference.size
        self.worst = max(self.worst, difference.max())
        if not np.all((difference <= absolute) | (difference <= relative * np.abs(wanted))):
            self.problems.append(f"{what}: off by {difference.max():.2e}")

    def losses(self, name, metrics, out):
        for recorded, ours in LOSSES[name].items():
            self.note(recorded, metrics[ours], out[recorded], RELATIVE, ABSOLUTE)

    def networks(self, what, got, wanted, relative, absolute):
        """got: name -> [(weight, bias)], weights as (out, in)."""
        for name, net in wanted.items():
            if isinstance(net, dict) and name in got:
                for i, pair in enumerate(layers(net)):
                    for kind, a, b in zip(("weight", "bias"), got[name][i], pair):
                        self.note(f"{what} {name}/layer{i}/{kind}", a, b, relative, absolute)

    def gradients(self, got, wanted, weight=1.0):
        self.networks("gradient", got, wanted, RELATIVE, ABSOLUTE * max(1.0, weight))

    def parameters(self, step, got, wanted):
        self.networks(f"after step {step},", got, wanted, 0.0, PARAMETERS)


class RoughAgreement(Agreement):
    """The same for products in bfloat16; `worst` is the greatest relative difference of a gradient."""

    def losses(self, name, metrics, out):
        for recorded, ours in LOSSES[name].items():
            if abs(float(metrics[ours]) - float(out[recorded])) > max(ROUGH_LOSS, ROUGH_LOSS * abs(out[recorded])):
                self.problems.append(f"{recorded}: {metrics[ours]} instead of {out[recorded]}")

    def gradients(self, got, wanted, weight=1.0):
        for name, net in got.items():
            ours, theirs = [np.concatenate([np.asarray(part, np.float64).reshape(-1) for pair in pairs for part in pair])
                            for pairs in (net, layers(wanted[name]))]
            difference = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
            self.compared += ours.size
            self.worst = max(self.worst, difference)
            if not difference <= ROUGH_GRADIENT:
                self.problems.append(f"gradient {name}: off by {difference:.3f} of its length")

    def parameters(self, step, got, wanted):
        pass

    def note(self, what, got, wanted, relative, absolute):
        pass


def agreement(bfloat16=False):
    return RoughAgreement() if bfloat16 else Agreement()

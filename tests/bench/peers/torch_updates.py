"""SAC, CQL and H2O updates in PyTorch. Plain, they are as such code is usually written: loss.backward(), Adam with its
defaults, targets moved one parameter at a time. With tuned=True, as one writes them who knows the library: gradients
only of what an optimiser moves, Adam's fused step, all targets moved in one call. Both: one network at a time, inputs
joined by torch.cat, nothing computed that the losses do not need.

Every update takes minibatches and `draw`, which gives normal and uniform numbers of a shape: recorded ones for the
check against tests/reference/updates.h5, the generator's otherwise. With compile=True each loss is one compiled
graph, and the rest is tuned. With bfloat16=True each loss is computed under torch.autocast: the networks' products are
in bfloat16, forwards and backwards; what is made of their outputs, and Adam, is in float32."""
import math

import torch
import torch.nn.functional as F
from torch import nn

LOG_STD_MIN, LOG_STD_MAX = -20.0, 2.0


def mlp(inputs, hidden, outputs):
    sizes = [inputs, *hidden, outputs]
    parts = []
    for i in range(len(sizes) - 1):
        parts.append(nn.Linear(sizes[i], sizes[i + 1]))
        if i < len(sizes) - 2:
            parts.append(nn.ReLU())
    return nn.Sequential(*parts)


def sample(head, noise, scalars=None):
    """Tanh-Gaussian action and its log-probability from the policy's head."""
    mean, log_std = head.float().chunk(2, -1)
    if scalars is not None:
        log_std = scalars[0] * log_std + scalars[1]
    log_std = log_std.clamp(LOG_STD_MIN, LOG_STD_MAX)
    x = mean + log_std.exp() * noise
    log_prob = (-0.5 * noise.square() - log_std - 0.5 * math.log(2 * math.pi)
                - 2 * (math.log(2) - x - F.softplus(-2 * x))).sum(-1)
    return x.tanh(), log_prob


def value(critic, *inputs):
    return critic(torch.cat(inputs, -1)).float().squeeze(-1)


def autocast(loss):
    def under_autocast(*arguments):
        with torch.autocast("cpu", torch.bfloat16):
            return loss(*arguments)
    return under_autocast


class ActorCritic:
    """Policy, twin critics, their targets and a temperature."""

    scalars = None

    def __init__(self, S, A, hidden=(256, 256), policy_hidden=None, *, discount=0.99, tau=0.005, policy_lr=3e-4,
                 critic_lr=3e-4, target_entropy=None, tuned=False, compile=False, bfloat16=False):
        self.tuned = tuned or compile
        self.A, self.discount, self.tau = A, discount, tau
        self.target_entropy = -float(A) if target_entropy is None else target_entropy
        self.policy = mlp(S, policy_hidden or hidden, 2 * A)
        self.q1, self.q2 = mlp(S + A, hidden, 1), mlp(S + A, hidden, 1)
        self.target_q1, self.target_q2 = mlp(S + A, hidden, 1), mlp(S + A, hidden, 1)
        for target, source in ((self.target_q1, self.q1), (self.target_q2, self.q2)):
            target.load_state_dict(source.state_dict())
            target.requires_grad_(False)
        self.log_alpha = torch.zeros((), requires_grad=True)
        self.networks = {name: getattr(self, name) for name in ("policy", "q1", "q2", "target_q1", "target_q2")}
        self.policy_parameters = list(self.policy.parameters())
        if self.scalars is not None:
            self.scalars = torch.tensor([1.0, -1.0], requires_grad=True)
            self.policy_parameters.append(self.scalars)
        self.critic_parameters = [*self.q1.parameters(), *self.q2.parameters()]
        self.target_parameters = [*self.target_q1.parameters(), *self.target_q2.parameters()]
        self.policy_optimiser = self.adam(self.policy_parameters, policy_lr)
        self.critic_optimiser = self.adam(self.critic_parameters, critic_lr)
        self.alpha_optimiser = self.adam([self.log_alpha], policy_lr)
        for name in self.passes:
            loss = getattr(self, name)
            if bfloat16:
                loss = autocast(loss)
            if compile:
                loss = torch.compile(loss, fullgraph=True, dynamic=False)
            setattr(self, name, loss)

    def adam(self, parameters, lr):
        return torch.optim.Adam(parameters, lr, fused=True) if self.tuned else torch.optim.Adam(parameters, lr)

    def policy_loss(self, observations, noise, alpha):
        action, log_prob = sample(self.policy(observations), noise, self.scalars)
        q = torch.min(value(self.q1, observations, action), value(self.q2, observations, action))
        return (alpha * log_prob - q).mean(), log_prob.detach().mean()

    def step_policy(self, loss):
        self.policy_optimiser.zero_grad()
        loss.backward(inputs=self.policy_parameters if self.tuned else None)
        self.policy_optimiser.step()

    def step_critics(self, loss):
        self.critic_optimiser.zero_grad()
        loss.backward()
        self.critic_optimiser.step()

    def step_alpha(self, log_prob):
        self.alpha_optimiser.zero_grad()
        self.log_alpha.grad = -(log_prob + self.target_entropy)
        self.alpha_optimiser.step()

    @torch.no_grad()
    def step_targets(self):
        if self.tuned:
            torch._foreach_lerp_(self.target_parameters, self.critic_parameters, self.tau)
            return
        for target, source in zip(self.target_parameters, self.critic_parameters):
            target.mul_(1 - self.tau).add_(self.tau * source)


class Sac(ActorCritic):
    passes = ("target", "critic_loss", "policy_loss")

    def target(self, batch, noise, alpha):
        s = batch["next_observations"]
        action, log_prob = sample(self.policy(s), noise)
        q = torch.min(value(self.target_q1, s, action), value(self.target_q2, s, action)) - alpha * log_prob
        return batch["rewards"] + self.discount * (1 - batch["terminals"]) * q

    def critic_loss(self, batch, y):
        q1 = value(self.q1, batch["observations"], batch["actions"])
        q2 = value(self.q2, batch["observations"], batch["actions"])
        return F.mse_loss(q1, y), F.mse_loss(q2, y)

    def update(self, draw, batch):
        n = len(batch["rewards"])
        alpha = self.log_alpha.detach().exp()
        with torch.no_grad():
            y = self.target(batch, draw("normal", n, self.A), alpha)
        q1_loss, q2_loss = self.critic_loss(batch, y)
        self.step_critics(q1_loss + q2_loss)
        self.step_targets()
        policy_loss, log_prob = self.policy_loss(batch["observations"], draw("normal", n, self.A), alpha)
        self.step_policy(policy_loss)
        self.step_alpha(log_prob)
        return {"q1_loss": q1_loss.item(), "q2_loss": q2_loss.item(), "policy_loss": policy_loss.item()}


class Cql(ActorCritic):
    passes = ("target", "critic_loss", "policy_loss", "other_actions")
    scalars = True

    def __init__(self, *sizes, beta=2.0, samples=10, **options):
        self.beta, self.samples = beta, samples
        super().__init__(*sizes, **options)

    def target(self, batch, noise):
        s = batch["next_observations"]
        action, _ = sample(self.policy(s), noise, self.scalars)
        q = torch.min(value(self.target_q1, s, action), value(self.target_q2, s, action))
        return batch["rewards"] + self.discount * (1 - batch["terminals"]) * q

    def other_actions(self, batch, uniform, current_noise, next_noise):
        """Uniform actions, the policy's in s' and in s, and their log-densities: (batch, 3 n, A), (batch, 3 n)."""
        current, current_density = sample(self.policy(batch["observations"])[:, None], current_noise, self.scalars)
        following, next_density = sample(self.policy(batch["next_observations"])[:, None], next_noise, self.scalars)
        uniform_density = torch.full_like(current_density, -self.A * math.log(2))
        actions = torch.cat([uniform, following, current], 1)
        return actions, torch.cat([uniform_density, next_density, current_density], 1)

    def critic_loss(self, batch, y, actions, log_density):
        s = batch["observations"]
        repeated = s[:, None].expand(-1, actions.shape[1], -1)
        losses, gaps = [], []
        for critic in (self.q1, self.q2):
            q = value(critic, s, batch["actions"])
            others = value(critic, repeated, actions) - log_density
            losses.append(F.mse_loss(q, y))
            gaps.append((others.logsumexp(1) - q).mean())
        return losses, gaps

    def update(self, draw, batch):
        n, N, A = len(batch["rewards"]), self.samples, self.A
        alpha = self.log_alpha.detach().exp()
        policy_loss, log_prob = self.policy_loss(batch["observations"], draw("normal", n, A), alpha)
        with torch.no_grad():
            y = self.target(batch, draw("normal", n, A))
            actions, log_density = self.other_actions(batch, draw("uniform", n, N, A), draw("normal", n, N, A),
                                                      draw("normal", n, N, A))
        losses, gaps = self.critic_loss(batch, y, actions, log_density)
        self.step_alpha(log_prob)
        self.step_policy(policy_loss)
        self.step_critics(losses[0] + losses[1] + self.beta * (gaps[0] + gaps[1]))
        self.step_targets()
        return {"q1_loss": losses[0].item(), "q2_loss": losses[1].item(), "q1_gap": gaps[0].item(),
                "q2_gap": gaps[1].item(), "policy_loss": policy_loss.item()}


class H2o(ActorCritic):
    passes = ("discriminator_losses", "target", "ratio", "gap", "critic_loss", "policy_loss")
    scalars = True

    def __init__(self, S, A, hidden=(256, 256), policy_hidden=None, *, discriminator_lr=3e-4, noise_std=0.1, beta=0.01,
                 next_samples=10, ratio_clip=(1e-5, 1.0), gap_clip=(1e-45, 10.0), state_std=None, **options):
        self.S, self.noise_std, self.beta, self.next_samples = S, noise_std, beta, next_samples
        self.ratio_clip, self.gap_clip = ratio_clip, gap_clip
        self.state_std = torch.ones(S) if state_std is None else state_std
        self.d_sa, self.d_sas = mlp(S + A, hidden, 2), mlp(2 * S + A, hidden, 2)
        super().__init__(S, A, hidden, policy_hidden, **options)
        self.networks.update(d_sa=self.d_sa, d_sas=self.d_sas)
        self.discriminator_optimiser = self.adam([*self.d_sa.parameters(), *self.d_sas.parameters()], discriminator_lr)

    @staticmethod
    def logits(discriminator, *inputs):
        return 2 * torch.tanh(discriminator(torch.cat(inputs, -1)).float())

    def discriminator_losses(self, real, sim, noises):
        rows = [torch.cat([part[name] for name in ("observations", "actions", "next_observations")], -1)
                + self.noise_std * torch.cat(noise, -1) for part, noise in ((real, noises[:3]), (sim, noises[3:]))]
        sas, n = torch.cat(rows), len(rows[0])
        sa_logits = self.logits(self.d_sa, sas[:, :self.S + self.A])
        sas_logits = self.logits(self.d_sas, sas) + sa_logits
        return [-F.log_softmax(x[:n], -1)[:, 0].mean() - F.log_softmax(x[n:], -1)[:, 1].mean()
                for x in (sa_logits, sas_logits)]

    def target(self, batch, noise):
        s = batch["next_observations"]
        action, _ = sample(self.policy(s), noise, self.scalars)
        q = torch.min(value(self.target_q1, s, action), value(self.target_q2, s, action))
        return batch["rewards"] + self.discount * (1 - batch["terminals"]) * q

    def ratio(self, sim):
        logits = self.logits(self.d_sas, sim["observations"], sim["actions"], sim["next_observations"])
        return (logits[:, 0] - logits[:, 1]).exp().clamp(*self.ratio_clip)

    def gap(self, sim, noise):
        N = self.next_samples
        following = sim["next_observations"].repeat_interleave(N, 0) + self.state_std * noise
        logits = self.logits(self.d_sas, sim["observations"].repeat_interleave(N, 0),
                             sim["actions"].repeat_interleave(N, 0), following)
        return (logits[:, 1] - logits[:, 0]).reshape(-1, N).mean(1).clamp(*self.gap_clip)

    def critic_loss(self, batch, n, y, ratio, u):
        log_omega = u.log() - u.sum().log()
        losses, gaps = [], []
        for critic in (self.q1, self.q2):
            q = value(critic, batch["observations"], batch["actions"])
            error = (q - y).square()
            losses.append(error[:n].mean() + (ratio * error[n:]).mean())
            gaps.append(((q[n:] + log_omega).logsumexp(0) - q[:n].mean()).clamp(-1000, 1000))
        return losses, gaps

    def update(self, draw, real, sim, real_discriminator, sim_discriminator):
        n, A, m = len(real["rewards"]), self.A, len(sim["rewards"])
        noises = [draw("normal", len(part["rewards"]), dim) for part in (real_discriminator, sim_discriminator)
                  for dim in (self.S, A, self.S)]
        sa_loss, sas_loss = self.discriminator_losses(real_discriminator, sim_discriminator, noises)
        self.discriminator_optimiser.zero_grad()
        (sa_loss + sas_loss).backward()
        self.discriminator_optimiser.step()

        batch = {name: torch.cat([real[name], sim[name]]) for name in real}
        alpha = self.log_alpha.detach().exp()
        policy_loss, log_prob = self.policy_loss(batch["observations"], draw("normal", n + m, A), alpha)
        with torch.no_grad():
            y = self.target(batch, torch.cat([draw("normal", n, A), draw("normal", m, A)]))
            ratio = self.ratio(sim)
            u = self.gap(sim, draw("normal", m * self.next_samples, self.S))
        losses, gaps = self.critic_loss(batch, n, y, ratio, u)
        self.step_alpha(log_prob)
        self.step_policy(policy_loss)
        self.step_critics(losses[0] + losses[1] + self.beta * (gaps[0] + gaps[1]))
        self.step_targets()
        return {"d_sa_loss": sa_loss.item(), "d_sas_loss": sas_loss.item(), "policy_loss": policy_loss.item(),
                "q1_loss": losses[0].item(), "q2_loss": losses[1].item(), "q1_gap": gaps[0].item(),
                "q2_gap": gaps[1].item(), "u": u.mean().item()}


UPDATES = {"sac": Sac, "cql": Cql, "h2o": H2o}


# ---- the check ----

def _tensors(batch):
    return {name: torch.from_numpy(rows) for name, rows in batch.items()}


def _linears(net):
    return [part for part in net if isinstance(part, nn.Linear)]


def check(name, reference, **how):
    """Runs the recorded steps.  -> reference.Agreement"""
    case, agreement = reference.read(reference.CASES[name]), reference.agreement(how.get("bfloat16"))
    before = case["before"]
    policy = reference.layers(before["policy"])
    hidden = [len(bias) for _, bias in reference.layers(before["q1"])[:-1]]
    chosen = reference.options(name, case)
    if "state_std" in case:
        chosen["state_std"] = torch.from_numpy(case["state_std"]).reshape(-1)
    agent = UPDATES[name](policy[0][0].shape[1], policy[-1][0].shape[0] // 2, hidden, [len(b) for _, b in policy[:-1]],
                          **how, **chosen)
    with torch.no_grad():
        for net_name, net in agent.networks.items():
            for linear, (weight, bias) in zip(_linears(net), reference.layers(before[net_name])):
                linear.weight.copy_(torch.from_numpy(weight))
                linear.bias.copy_(torch.from_numpy(bias))
        agent.log_alpha.fill_(before["log_alpha"])
        if agent.scalars is not None:
            agent.scalars.copy_(torch.tensor([before["log_std_multiplier"], before["log_std_offset"]]))
    for k in range(2):
        step = case[f"step{k}"]
        noise = iter([torch.from_numpy(step["noise"][key]) for key in sorted(step["noise"])])
        metrics = agent.update(lambda kind, *shape: next(noise).reshape(shape),
                               *[_tensors(batch) for batch in reference.batches(name, step)])
        nets = {key: _linears(net) for key, net in agent.networks.items()}
        if k == 0:
            agreement.losses(name, metrics, step["out"] if "out" in step else {})
            # plain SAC's last backward leaves gradients of the policy's loss in the critics, too
            left = {"q1", "q2"} if name == "sac" and not agent.tuned else set()
            moved = {key: net for key, net in nets.items() if not key.startswith("target") and key not in left}
            agreement.gradients({key: [(l.weight.grad, l.bias.grad) for l in net] for key, net in moved.items()},
                                step["grad"], case.get("cql_alpha", 1.0))
        agreement.parameters(k, {key: [(l.weight.detach(), l.bias.detach()) for l in net] for key, net in nets.items()},
                             step["after"])
        if agent.scalars is not None:
            agreement.note("log_std", agent.scalars.detach(),
                           [step["after"]["log_std_multiplier"], step["after"]["log_std_offset"]], 0, 2e-5)
        agreement.note("log_alpha", agent.log_alpha.detach(), step["after"]["log_alpha"], 0, 2e-5)
    return agreement


# ---- the timing ----

def timed(name, sizes, **how):
    """-> a function that draws minibatches from memory and makes one update."""
    S, A, rows = sizes["observations"], sizes["actions"], sizes["rows"]
    torch.manual_seed(1)
    agent = UPDATES[name](S, A, (256, 256), **how)

    def memory():
        return {"observations": torch.randn(rows, S), "actions": torch.rand(rows, A) * 2 - 1,
                "rewards": torch.rand(rows), "next_observations": torch.randn(rows, S), "terminals": torch.zeros(rows)}

    def draw(kind, *shape):
        return torch.randn(shape) if kind == "normal" else torch.rand(shape) * 2 - 1

    def drawn(part, n):
        chosen = torch.randint(rows, (n,))
        return {key: column[chosen] for key, column in part.items()}

    real, sim = memory(), memory()
    if name == "sac":
        return lambda: agent.update(draw, drawn(sim, 256))
    if name == "cql":
        return lambda: agent.update(draw, drawn(real, 256))
    return lambda: agent.update(draw, drawn(real, 128), drawn(sim, 128), drawn(real, 256), drawn(sim, 256))

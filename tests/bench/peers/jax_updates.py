"""SAC, CQL and H2O updates in JAX: a whole update, drawing its minibatches and all noise, is one compiled function
whose state is donated. Adam is written out; gradients come from jax.grad of each loss. With use_bfloat16() the networks'
products are in bfloat16 with sums in float32, forwards and backwards, and all else in float32."""
import functools
import math

import jax
import jax.numpy as jnp

jax.config.update("jax_default_matmul_precision", "float32")


products = {"dtype": jnp.float32}


def use_bfloat16():
    products["dtype"] = jnp.bfloat16


def product(x, weight):
    dtype = products["dtype"]
    return jnp.matmul(x.astype(dtype), weight.astype(dtype), preferred_element_type=jnp.float32)


def init_mlp(key, inputs, hidden, outputs):
    sizes, net = [inputs, *hidden, outputs], []
    for a, b in zip(sizes[:-1], sizes[1:]):
        key, weight_key, bias_key = jax.random.split(key, 3)
        bound = 1 / math.sqrt(a)
        net.append((jax.random.uniform(weight_key, (a, b), minval=-bound, maxval=bound),
                    jax.random.uniform(bias_key, (b,), minval=-bound, maxval=bound)))
    return net


def forward(net, *inputs):
    x = jnp.concatenate(inputs, -1)
    for weight, bias in net[:-1]:
        x = jax.nn.relu(product(x, weight) + bias)
    return product(x, net[-1][0]) + net[-1][1]


def value(critic, *inputs):
    return forward(critic, *inputs)[..., 0]


def sample(head, noise, scalars):
    """Tanh-Gaussian action and its log-probability from the policy's head."""
    mean, log_std = jnp.split(head, 2, -1)
    log_std = jnp.clip(scalars[0] * log_std + scalars[1], -20.0, 2.0)
    x = mean + jnp.exp(log_std) * noise
    log_prob = (-0.5 * noise ** 2 - log_std - 0.5 * math.log(2 * math.pi)
                - 2 * (math.log(2) - x - jax.nn.softplus(-2 * x))).sum(-1)
    return jnp.tanh(x), log_prob


def adam_state(parameters):
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    return zeros, jax.tree.map(jnp.zeros_like, parameters), jnp.zeros((), jnp.int32)


def adam(parameters, gradients, state, lr):
    first, second, steps = state
    steps = steps + 1
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
    c1, c2 = 1 - 0.9 ** steps, 1 - 0.999 ** steps
    moved = jax.tree.map(lambda p, m, v: p - lr * (m / c1) / (jnp.sqrt(v / c2) + 1e-8), parameters, first, second)
    return moved, (first, second, steps)


def polyak(target, source, tau):
    return jax.tree.map(lambda t, s: t + tau * (s - t), target, source)


DEFAULTS = dict(discount=0.99, tau=0.005, policy_lr=3e-4, critic_lr=3e-4, discriminator_lr=3e-4, noise_std=0.1,
                beta=0.01, next_samples=10, samples=10, ratio_clip=(1e-5, 1.0), gap_clip=(1e-45, 10.0))


def policy_loss(policy, critics, observations, noise, alpha):
    action, log_prob = sample(forward(policy["net"], observations), noise, policy["scalars"])
    q = jnp.minimum(*[value(critic, observations, action) for critic in critics])
    return (alpha * log_prob - q).mean(), log_prob.mean()


def bellman_target(state, batch, noise, alpha, o):
    s = batch["next_observations"]
    action, log_prob = sample(forward(state["policy"]["net"], s), noise, state["policy"]["scalars"])
    q = jnp.minimum(*[value(critic, s, action) for critic in state["targets"]]) - alpha * log_prob
    return batch["rewards"] + o["discount"] * (1 - batch["terminals"]) * q


def step(state, part, gradients, lr):
    state[part], state["adam"][part] = adam(state[part], gradients, state["adam"][part], lr)


def step_alpha(state, log_prob, o):
    step(state, "log_alpha", -(log_prob + o["target_entropy"]), o["policy_lr"])


# Each update takes its options, its state, `draw(kind, *shape)` and minibatches.  -> state, losses, gradients

def sac(o, state, draw, batch):
    n, A = batch["actions"].shape
    alpha = jnp.exp(state["log_alpha"])
    y = bellman_target(state, batch, draw("normal", n, A), alpha, o)

    def critic_loss(critics):
        losses = [((value(c, batch["observations"], batch["actions"]) - y) ** 2).mean() for c in critics]
        return losses[0] + losses[1], losses

    critic_gradients, losses = jax.grad(critic_loss, has_aux=True)(state["critics"])
    step(state, "critics", critic_gradients, o["critic_lr"])
    state["targets"] = polyak(state["targets"], state["critics"], o["tau"])
    (loss, log_prob), policy_gradients = jax.value_and_grad(policy_loss, has_aux=True)(
        state["policy"], state["critics"], batch["observations"], draw("normal", n, A), alpha)
    policy_gradients["scalars"] = jnp.zeros(2)  # SAC has none
    step(state, "policy", policy_gradients, o["policy_lr"])
    step_alpha(state, log_prob, o)
    return state, {"q1_loss": losses[0], "q2_loss": losses[1], "policy_loss": loss}, {
        "critics": critic_gradients, "policy": policy_gradients}


def finish(o, state, gradients, log_prob):
    """The steps of CQL and H2O, whose losses are all of the networks as they were."""
    step_alpha(state, log_prob, o)
    step(state, "policy", gradients["policy"], o["policy_lr"])
    step(state, "critics", gradients["critics"], o["critic_lr"])
    state["targets"] = polyak(state["targets"], state["critics"], o["tau"])


def cql(o, state, draw, batch):
    n, A = batch["actions"].shape
    N, s, policy = o["samples"], batch["observations"], state["policy"]
    alpha = jnp.exp(state["log_alpha"])
    (loss, log_prob), policy_gradients = jax.value_and_grad(policy_loss, has_aux=True)(
        policy, state["critics"], s, draw("normal", n, A), alpha)
    y = bellman_target(state, batch, draw("normal", n, A), 0.0, o)
    uniform = draw("uniform", n, N, A)
    current, current_density = sample(forward(policy["net"], s)[:, None], draw("normal", n, N, A), policy["scalars"])
    following, next_density = sample(forward(policy["net"], batch["next_observations"])[:, None],
                                     draw("normal", n, N, A), policy["scalars"])
    actions = jnp.concatenate([uniform, following, current], 1)
    density = jnp.concatenate([jnp.full((n, N), -A * math.log(2)), next_density, current_density], 1)
    repeated = jnp.broadcast_to(s[:, None], (n, 3 * N, s.shape[1]))

    def critic_loss(critics):
        losses, gaps = [], []
        for critic in critics:
            q = value(critic, s, batch["actions"])
            gaps.append((jax.nn.logsumexp(value(critic, repeated, actions) - density, 1) - q).mean())
            losses.append(((q - y) ** 2).mean())
        return losses[0] + losses[1] + o["beta"] * (gaps[0] + gaps[1]), (losses, gaps)

    critic_gradients, (losses, gaps) = jax.grad(critic_loss, has_aux=True)(state["critics"])
    gradients = {"critics": critic_gradients, "policy": policy_gradients}
    finish(o, state, gradients, log_prob)
    return state, {"q1_loss": losses[0], "q2_loss": losses[1], "q1_gap": gaps[0], "q2_gap": gaps[1],
                   "policy_loss": loss}, gradients


def logits(discriminator, *inputs):
    return 2 * jnp.tanh(forward(discriminator, *inputs))


def h2o(o, state, draw, real, sim, real_discriminator, sim_discriminator):
    n, A = real["actions"].shape
    m, S = sim["observations"].shape
    N = o["next_samples"]

    def noisy(part):
        return [part[name] + o["noise_std"] * draw("normal", *part[name].shape)
                for name in ("observations", "actions", "next_observations")]

    s, a, following = [jnp.concatenate(pair) for pair in zip(noisy(real_discriminator), noisy(sim_discriminator))]
    rows = len(real_discriminator["rewards"])

    def discriminator_loss(nets):
        sa_logits = logits(nets["d_sa"], s, a)
        sas_logits = logits(nets["d_sas"], s, a, following) + sa_logits
        losses = [-jax.nn.log_softmax(x[:rows])[:, 0].mean() - jax.nn.log_softmax(x[rows:])[:, 1].mean()
                  for x in (sa_logits, sas_logits)]
        return losses[0] + losses[1], losses

    discriminator_gradients, (sa_loss, sas_loss) = jax.grad(discriminator_loss, has_aux=True)(state["discriminators"])
    step(state, "discriminators", discriminator_gradients, o["discriminator_lr"])

    batch = {name: jnp.concatenate([real[name], sim[name]]) for name in real}
    alpha = jnp.exp(state["log_alpha"])
    (loss, log_prob), policy_gradients = jax.value_and_grad(policy_loss, has_aux=True)(
        state["policy"], state["critics"], batch["observations"], draw("normal", n + m, A), alpha)
    y = bellman_target(state, batch, jnp.concatenate([draw("normal", n, A), draw("normal", m, A)]), 0.0, o)
    d_sas = state["discriminators"]["d_sas"]
    of_sim = logits(d_sas, sim["observations"], sim["actions"], sim["next_observations"])
    ratio = jnp.clip(jnp.exp(of_sim[:, 0] - of_sim[:, 1]), *o["ratio_clip"])
    many = (jnp.repeat(sim["next_observations"], N, 0) + o["state_std"] * draw("normal", m * N, S))
    of_many = logits(d_sas, jnp.repeat(sim["observations"], N, 0), jnp.repeat(sim["actions"], N, 0), many)
    u = jnp.clip((of_many[:, 1] - of_many[:, 0]).reshape(m, N).mean(1), *o["gap_clip"])
    log_omega = jnp.log(u) - jnp.log(u.sum())

    def critic_loss(critics):
        losses, gaps = [], []
        for critic in critics:
            q = value(critic, batch["observations"], batch["actions"])
            error = (q - y) ** 2
            losses.append(error[:n].mean() + (ratio * error[n:]).mean())
            gaps.append(jnp.clip(jax.nn.logsumexp(q[n:] + log_omega) - q[:n].mean(), -1000, 1000))
        return losses[0] + losses[1] + o["beta"] * (gaps[0] + gaps[1]), (losses, gaps)

    critic_gradients, (losses, gaps) = jax.grad(critic_loss, has_aux=True)(state["critics"])
    gradients = {"critics": critic_gradients, "policy": policy_gradients, "discriminators": discriminator_gradients}
    finish(o, state, gradients, log_prob)
    return state, {"d_sa_loss": sa_loss, "d_sas_loss": sas_loss, "policy_loss": loss, "q1_loss": losses[0],
                   "q2_loss": losses[1], "q1_gap": gaps[0], "q2_gap": gaps[1], "u": u.mean()}, gradients


UPDATES = {"sac": sac, "cql": cql, "h2o": h2o}


def new_state(name, networks, log_alpha, scalars):
    state = {"policy": {"net": networks["policy"], "scalars": scalars},
             "critics": [networks["q1"], networks["q2"]], "targets": [networks["target_q1"], networks["target_q2"]],
             "log_alpha": jnp.asarray(log_alpha, jnp.float32)}
    moved = ["policy", "critics", "log_alpha"]
    if name == "h2o":
        state["discriminators"] = {"d_sa": networks["d_sa"], "d_sas": networks["d_sas"]}
        moved.append("discriminators")
    state["adam"] = {part: adam_state(state[part]) for part in moved}
    return state


# ---- the check ----

def by_name(tree):
    """The networks of a state, or of its gradients, as [(weight, bias)] with weights (out, in)."""
    nets = {"policy": tree["policy"]["net"], "q1": tree["critics"][0], "q2": tree["critics"][1]}
    if "targets" in tree:
        nets["target_q1"], nets["target_q2"] = tree["targets"]
    nets.update(tree.get("discriminators", {}))
    return {name: [(weight.T, bias) for weight, bias in net] for name, net in nets.items()}


def check(name, reference):
    """Runs the recorded steps, compiled.  -> reference.Agreement"""
    case = reference.read(reference.CASES[name])
    agreement = reference.agreement(products["dtype"] == jnp.bfloat16)
    before = case["before"]
    networks = {key: [(jnp.asarray(weight.T), jnp.asarray(bias)) for weight, bias in reference.layers(net)]
                for key, net in before.items() if isinstance(net, dict)}
    scalars = [before.get("log_std_multiplier", 1.0), before.get("log_std_offset", 0.0)]
    state = new_state(name, networks, before["log_alpha"], jnp.asarray(scalars, jnp.float32))
    o = dict(DEFAULTS, **reference.options(name, case))
    if "state_std" in case:
        o["state_std"] = jnp.asarray(case["state_std"]).reshape(-1)

    @jax.jit
    def update(state, noise, batches):
        taken = iter(noise)
        return UPDATES[name](o, state, lambda kind, *shape: next(taken).reshape(shape), *batches)

    for k in range(2):
        step_k = case[f"step{k}"]
        noise = [step_k["noise"][key] for key in sorted(step_k["noise"])]
        state, metrics, gradients = update(state, noise, reference.batches(name, step_k))
        if k == 0:
            agreement.losses(name, metrics, step_k["out"] if "out" in step_k else {})
            agreement.gradients(by_name(gradients), step_k["grad"], case.get("cql_alpha", 1.0))
        agreement.parameters(k, by_name(state), step_k["after"])
        agreement.note("log_alpha", state["log_alpha"], step_k["after"]["log_alpha"], 0, 2e-5)
    return agreement


# ---- the timing ----

def timed(name, sizes):
    """-> a function that draws minibatches from memory and makes one update."""
    S, A, rows = sizes["observations"], sizes["actions"], sizes["rows"]
    keys = iter(jax.random.split(jax.random.key(1), 20))
    shapes = {"policy": (S, 2 * A), "q1": (S + A, 1), "q2": (S + A, 1), "target_q1": (S + A, 1),
              "target_q2": (S + A, 1), "d_sa": (S + A, 2), "d_sas": (2 * S + A, 2)}
    networks = {key: init_mlp(next(keys), inputs, (256, 256), outputs) for key, (inputs, outputs) in shapes.items()}
    state = new_state(name, networks, 0.0, jnp.array([1.0, 0.0 if name == "sac" else -1.0]))
    o = dict(DEFAULTS, target_entropy=-float(A), state_std=jnp.ones(S))
    if name == "cql":
        o["beta"] = 2.0

    def memory():
        return {"observations": jax.random.normal(next(keys), (rows, S)),
                "actions": jax.random.uniform(next(keys), (rows, A), minval=-1, maxval=1),
                "rewards": jax.random.uniform(next(keys), (rows,)),
                "next_observations": jax.random.normal(next(keys), (rows, S)), "terminals": jnp.zeros(rows)}

    real, sim = memory(), memory()
    wanted = {"sac": ((1, 256),), "cql": ((0, 256),), "h2o": ((0, 128), (1, 128), (0, 256), (1, 256))}[name]

    @functools.partial(jax.jit, donate_argnums=0)
    def update(state, key, real, sim):
        keys = iter(jax.random.split(key, 32))

        def draw(kind, *shape):
            if kind == "normal":
                return jax.random.normal(next(keys), shape)
            return jax.random.uniform(next(keys), shape, minval=-1, maxval=1)

        batches = []
        for part, n in wanted:
            chosen = jax.random.randint(next(keys), (n,), 0, rows)
            batches.append({key: column[chosen] for key, column in (real, sim)[part].items()})
        state, metrics, _ = UPDATES[name](o, state, draw, *batches)
        return state, metrics

    held = {"state": jax.tree.map(jnp.copy, state), "count": 0}

    def one():
        held["count"] += 1
        held["state"], metrics = update(held["state"], jax.random.key(held["count"]), real, sim)
        return {name: float(value) for name, value in jax.device_get(metrics).items()}

    return one

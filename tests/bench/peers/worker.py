"""worker.py check|time PEER WHAT: one peer in a process of its own, on one thread.

check: runs the recorded steps and says how well the numbers agree; exits with 1 where they do not.
time: says `ready` and its versions, then answers each line SECONDS on its standard input with what it did in that time
of the processor's.
PEER is torch, torch-tuned, torch-compile or jax, each also with -bfloat16, or gymnasium; WHAT is sac, cql, h2o or
step."""
import json
import os
import platform
import sys
import tempfile
import time

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
os.environ["JAX_PLATFORMS"] = "cpu"

TORCH = {"torch": {}, "torch-tuned": {"tuned": True}, "torch-compile": {"compile": True}}
BFLOAT16 = "-bfloat16"
SIZES = {"observations": 17, "actions": 6, "rows": 100000}


def torch_module():
    import torch
    import torch_updates
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    torch._dynamo.config.recompile_limit = 64  # each loss has its own shapes
    return torch_updates, torch.__version__


def jax_module(peer):
    import jax
    import jax_updates
    if peer.endswith(BFLOAT16):
        jax_updates.use_bfloat16()
    return jax_updates, jax.__version__


def torch_options(peer):
    return dict(TORCH[peer.removesuffix(BFLOAT16)], bfloat16=peer.endswith(BFLOAT16))


def check(peer, what):
    import reference
    if peer.startswith("jax"):
        return jax_module(peer)[0].check(what, reference)
    return torch_module()[0].check(what, reference, **torch_options(peer))


def gymnasium_step():
    import gymnasium
    import mujoco
    import numpy as np
    os.chdir(tempfile.mkdtemp())  # MuJoCo writes its log into the working folder
    env = gymnasium.make("HalfCheetah-v5")
    env.reset(seed=1)
    actions = np.random.default_rng(1).uniform(-1, 1, (4096, 6)).astype(np.float32)
    taken = [0]

    def one():
        _, _, terminated, truncated, _ = env.step(actions[taken[0] % 4096])
        taken[0] += 1
        if terminated or truncated:
            env.reset()

    return one, {"gymnasium": gymnasium.__version__, "mujoco": mujoco.__version__, "python": platform.python_version()}


def timed(peer, what):
    """-> the thing that is timed, the versions it depends on"""
    if peer == "gymnasium":
        return gymnasium_step()
    if peer.startswith("jax"):
        module, version = jax_module(peer)
        return module.timed(what, SIZES), {"jax": version, "python": platform.python_version()}
    module, version = torch_module()
    one = module.timed(what, SIZES, **torch_options(peer))
    return one, {"torch": version, "python": platform.python_version()}


def main():
    job, peer, what = sys.argv[1:]
    if job == "check":
        agreement = check(peer, what)
        print(json.dumps({"compared": agreement.compared, "worst": float(agreement.worst),
                          "problems": agreement.problems}))
        return 1 if agreement.problems or agreement.compared == 0 else 0
    one, versions = timed(peer, what)
    for _ in range(5):
        one()
    print(json.dumps({"ready": True, "versions": versions}), flush=True)
    for line in sys.stdin:
        seconds, count, start, spent = float(line), 0, time.process_time(), 0.0
        while spent < seconds:
            one()
            count += 1
            spent = time.process_time() - start
        print(json.dumps({"count": count, "seconds": spent}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""compare.py: Tide beside its peers on one core, in turns, so that all see the same machine.

    /tmp/tide-peers/bin/python tests/bench/peers/compare.py --out results.json

Every peer first runs the recorded steps of tests/reference/updates.h5; one whose numbers differ is not timed. WHAT with
-bfloat16 has the products of Tide and of its peers in bfloat16, beside plain PyTorch in float32. Then
all are started and warmed, and each works for SECONDS while the others wait, ROUNDS times. What is reported: updates
(or control steps) a second of the processor's time, so that waiting for the core costs nobody; medians of the rounds,
and Tide's rate over the peer's, round by round."""
import argparse
import json
import pathlib
import platform
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
LEARNERS = ["torch", "torch-tuned", "torch-compile", "jax"]
BFLOAT16 = "-bfloat16"
PEERS = {"h2o": LEARNERS, "sac": LEARNERS, "cql": LEARNERS, "step": ["gymnasium"]}
PEERS.update({what + BFLOAT16: ["torch", *[peer + BFLOAT16 for peer in LEARNERS]] for what in ("h2o", "sac", "cql")})
GOALS = {"h2o": 2.5, "sac": 3.0}  # over plain PyTorch
NAMES = {"torch": "PyTorch, eager", "torch-tuned": "PyTorch, eager, tuned", "torch-compile": "PyTorch, torch.compile",
         "jax": "JAX, jit", "gymnasium": "Gymnasium"}
NAMES.update({peer + BFLOAT16: NAMES[peer] + ", bfloat16" for peer in LEARNERS})


class Worker:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def line(self):
        text = self.process.stdout.readline()
        if not text:
            raise SystemExit(f"compare.py: {self.process.args} ended without an answer")
        return json.loads(text)

    def rate(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        answer = self.line()
        return answer["count"] / answer["seconds"]

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=list(PEERS), metavar="WHAT",
                        help=f"{', '.join(PEERS)}; all of them otherwise")
    parser.add_argument("--peers", default="", help=f"only these, with commas: {','.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each turn, the processor's")
    parser.add_argument("--core", type=int, default=0, help="the core that all of them work on")
    parser.add_argument("--tide", default=str(ROOT / "build/release/bin/tide"), help="the program")
    parser.add_argument("--out", help="write the figures here as JSON, and as Markdown beside it; figures of other"
                        " WHATs that are there stay")
    parser.add_argument("--before", default="", help="a shell command before the timing, to make the machine quiet")
    parser.add_argument("--after", default="", help="a shell command after it")
    chosen = parser.parse_args()
    for what in chosen.what:
        if what not in PEERS:
            parser.error(f"{what} is none of {', '.join(PEERS)}")
    return chosen


def checked(peer, what, pin):
    agent = what.removesuffix(BFLOAT16)
    result = subprocess.run([*pin, sys.executable, str(HERE / "worker.py"), "check", peer, agent], cwd=ROOT,
                            stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        print(f"{what}, {NAMES[peer]}: not timed; the recorded steps are not met: {result.stdout[:300]}",
              file=sys.stderr)
        return None
    return json.loads(result.stdout)


def measure(what, chosen):
    pin, agent = ["taskset", "-c", str(chosen.core)], what.removesuffix(BFLOAT16)
    precision = "float32" if agent == what else "bfloat16"
    wanted = [peer for peer in PEERS[what] if not chosen.peers or peer in chosen.peers.split(",")]
    checks = {peer: checked(peer, what, pin) for peer in wanted if peer != "gymnasium"}
    commands = {"tide": [*pin, chosen.tide, "run", str(HERE / "worker.lua"), agent, precision]}
    for peer in wanted:
        if checks.get(peer, True) is not None:
            commands[peer] = [*pin, sys.executable, str(HERE / "worker.py"), "time", peer, agent]
    workers, versions = {}, {}
    for name, command in commands.items():
        workers[name] = Worker(command)
        versions[name] = workers[name].line()["versions"]
    rates = {name: [] for name in workers}
    try:
        if chosen.before:
            subprocess.run(chosen.before, shell=True, check=True)
        for worker in workers.values():
            worker.rate(0.3)
        for _ in range(chosen.rounds):
            for name, worker in workers.items():
                rates[name].append(worker.rate(chosen.seconds))
    finally:
        if chosen.after:
            subprocess.run(chosen.after, shell=True)
        for worker in workers.values():
            worker.end()
    report = {"what": what, "rounds": chosen.rounds, "seconds": chosen.seconds, "versions": versions, "rates": rates,
              "per_second": {name: statistics.median(taken) for name, taken in rates.items()}, "ratios": {},
              "checks": checks}
    for name in rates:
        if name != "tide":
            ratios = [ours / theirs for ours, theirs in zip(rates["tide"], rates[name])]
            report["ratios"][name] = {"median": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}
            goal = GOALS.get(agent)
            if goal and name in ("torch", "torch" + BFLOAT16):
                report["ratios"][name].update(goal=goal, met=statistics.median(ratios) >= goal)
    return report


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def commit():
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout.strip()


def markdown(results):
    lines = ["| what | peer | Tide, per s | peer, per s | Tide / peer, median (range) | goal |",
             "|---|---|---|---|---|---|"]
    for what in PEERS:
        for peer, ratio in results.get(what, {}).get("ratios", {}).items():
            rates = results[what]["per_second"]
            goal = f"{ratio['goal']}: {'met' if ratio['met'] else 'not met'}" if "goal" in ratio else ""
            lines.append(f"| {what} | {NAMES[peer]} | {rates['tide']:.4g} | {rates[peer]:.4g} | {ratio['median']:.2f}"
                         f" ({ratio['least']:.2f} to {ratio['most']:.2f}) | {goal} |")
    return "\n".join(lines) + "\n"


def main():
    chosen = arguments()
    results = {}
    if chosen.out and pathlib.Path(chosen.out).exists():
        results = json.loads(pathlib.Path(chosen.out).read_text())
    for what in chosen.what:
        report = measure(what, chosen)
        command = f"tests/bench/peers/compare.py {what} --rounds {chosen.rounds} --seconds {chosen.seconds:g}"
        report.update(command=command, commit=commit(), processor=processor(), date=time.strftime("%Y-%m-%d"))
        results[what] = report
        if chosen.out:
            out = pathlib.Path(chosen.out)
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(json.dumps(results, indent=1) + "\n")
            out.with_suffix(".md").write_text(markdown(results))
    print(markdown(results), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())

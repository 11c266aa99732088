#!/bin/bash
# tests/slurm.sh BUILD: sweeps on Slurm: a slurmctld and a slurmd of its own, jobs killed in the middle in three ways.
# Exits 77, with a line saying why, where there is no Slurm and none can be installed.
set -u
build=$1
root=$PWD
tide=$build/bin/tide
folder=$(mktemp -d)
feeder=""

end() {
    [ -z "$feeder" ] || kill "$feeder" 2>/dev/null
    if scancel --me 2>/dev/null; then # the daemons' children end with their jobs
        for ((i = 0; i < 100; i++)); do
            [ -z "$(squeue --noheader --me 2>/dev/null)" ] && break
            sleep 0.1
        done
    fi
    for daemon in slurmctld slurmd; do
        [ -f "$folder/$daemon.pid" ] && kill "$(cat "$folder/$daemon.pid")" 2>/dev/null
    done
    sleep 0.5
    rm -rf "$folder"
}
trap end EXIT

skip() {
    echo "Slurm: skipped: $*"
    exit 77
}

fail() {
    echo "$*"
    squeue --array 2>&1
    for file in "$folder"/*.log "$folder"/said "$folder"/out/slurm/*.log "$folder"/out/logs/*.log; do
        [ -f "$file" ] && echo "== $file" && tail -n 15 "$file"
    done
    exit 1
}

# wait_until WHAT COMMAND...: two minutes at most.
wait_until() {
    local what=$1 i
    shift
    for ((i = 0; i < 1200; i++)); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    fail "never: $what"
}

# ---- a cluster of one node ----

if ! command -v slurmctld >/dev/null || ! command -v slurmd >/dev/null; then
    scripts/setup slurm-wlm 2>"$folder/setup" || skip "slurm-wlm could not be installed: $(tail -n 1 "$folder/setup")"
    command -v slurmctld >/dev/null || skip "no slurmctld, and no Debian to install it from"
fi
plugins=$(dirname "$(find /usr/lib -name auth_none.so -path '*slurm*' 2>/dev/null | head -n 1)")
[ -e "$plugins/cred_none.so" ] || skip "this Slurm has no plugin auth/none"

export SLURM_CONF=$folder/slurm.conf
port=$((20000 + $$ % 20000))
mkdir "$folder/state" "$folder/spool"
cat >"$SLURM_CONF" <<CONF
ClusterName=tide
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/none
CredType=cred/none
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=localhost NodeHostName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=localhost Default=YES MaxTime=INFINITE State=UP
CONF
slurmctld -c >"$folder/start.log" 2>&1 || skip "slurmctld does not start here: $(tail -n 1 "$folder/start.log")"
slurmd -N localhost >"$folder/start.log" 2>&1 || skip "slurmd does not start here: $(tail -n 1 "$folder/start.log")"
idle() { sinfo --noheader --format=%T | grep -q idle; }
for ((i = 0; i < 300; i++)); do
    idle && break
    sleep 0.1
done
idle || skip "the node does not become idle: $(tail -n 1 "$folder/slurmd.log")"

# ---- a sweep of four runs, and the same without Slurm ----

cd "$folder" || exit 1
cat >table.lua <<'LUA'
local tide = require "tide"
local slow, class = tonumber(os.getenv "SLOW" or 0), tide.agents.sac
local inherited = class.update
function class:update(batches)
  if slow > 0 then require("luv").sleep(slow) end
  return inherited(self, batches)
end
return tide.sweep {
  seeds = 2, steps = 60, axes = { { gap = { "gravity", "friction" } } },
  experiment = function(cell)
    return {
      agent = class { hidden = { 16, 16 }, batch = 32 }, real = { env = "HalfCheetah" },
      sim = { gap = cell.gap .. "(0.5)" },
      training = { epoch_updates = 10, epoch_rollout_steps = 10 },
      evaluation = { every = 2, episodes = 1 }, checkpoint = { every = 1 },
    }
  end,
}
LUA
cat >same.lua <<'LUA'
-- The runs of the folders that are named have equal metrics, but for the times.
local json, lfs = require "tide.json", require "lfs"
local function metrics(path)
  local rows = {}
  for line in io.lines(path) do
    local row = json.decode(line)
    for key in pairs(row) do
      if key:find "^time/" then row[key] = nil end
    end
    rows[#rows + 1] = json.encode(row)
  end
  return table.concat(rows, "\n")
end
local one, other, runs = ...
local n = 0
for name in lfs.dir(one .. "/runs") do
  if name:sub(1, 1) ~= "." then
    n = n + 1
    assert(metrics(one .. "/runs/" .. name .. "/metrics.jsonl") == metrics(other .. "/runs/" .. name .. "/metrics.jsonl"),
      name .. " differs")
  end
end
assert(n == tonumber(runs), n)
LUA
"$tide" sweep table.lua --out whole --jobs 2 --quiet >said 2>&1 || fail "the sweep without Slurm"

# Slurm lets a job that was queued again wait for two minutes; not here.
(while sleep 0.3; do
    for job in $(squeue --noheader --array --states=PENDING --format='%A %r' | sed -n 's/ BeginTime//p'); do
        scontrol update "jobid=$job" StartTime=now
    done
done) >/dev/null 2>&1 &
feeder=$!

export SLOW=60
"$tide" sweep table.lua --out out --launcher slurm >said 2>&1 || fail "the sweep could not be submitted"
grep -qE '^job [0-9]+: 4 runs$' said || fail "what the launcher says"
array=$(sed -n 's/^job \([0-9]*\):.*/\1/p' said)
"$tide" sweep table.lua --out out --launcher slurm --resume >said 2>&1 || fail "--resume while jobs wait"
grep -q '0 of 4 runs done, 4 in the queue already' said || fail "runs in the queue are queued twice"

run_of() { sed -n "$1p" out/slurm/1.runs; }
has_checkpoint() { [ -f "out/runs/$(run_of "$1")/checkpoint.h5" ]; }

# 1: the worker killed outright: nothing brings it back but --resume.
wait_until "a checkpoint of the first run" has_checkpoint 1
kill -KILL "$(sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p' "out/runs/$(run_of 1)/run.json")" || fail "the first worker is gone"
# 2: killed by Slurm and put back into the queue, as by a preemption.
wait_until "a checkpoint of the second run" has_checkpoint 2
scontrol requeue "${array}_2" || fail "scontrol requeue"
# 3: the signal that comes before the time limit.
wait_until "a checkpoint of the third run" has_checkpoint 3
scancel --signal=USR1 "${array}_3" || fail "scancel --signal"

queue_is_empty() { [ -z "$(squeue --noheader --me)" ]; }
unset SLOW
wait_until "the end of the jobs" queue_is_empty
"$tide" sweep status out >status.txt
grep -q '4 runs: 3 done, 1 interrupted' status.txt || fail "$(cat status.txt)"
grep -q 'interrupted by SIGUSR1' "out/logs/$(run_of 3).log" || fail "the third run does not tell of its signal"
for i in 2 3; do
    grep -q '"resumed"' "out/runs/$(run_of $i)/run.json" || fail "run $i did not go on from its checkpoint"
done

# What is left, and no more, is queued again.
"$tide" sweep table.lua --out out --launcher slurm --resume >said 2>&1 || fail "--resume"
grep -qE '^job [0-9]+: 1 runs$' said || fail "--resume queues other runs than what is left"
wait_until "the end of the last job" queue_is_empty
"$tide" sweep table.lua --out out --launcher slurm --resume >said 2>&1 || fail "--resume of a whole one"
grep -q '4 of 4 runs done, 0 in the queue already' said || fail "a run is missing: $(cat said)"
"$tide" run same.lua whole out 4 || fail "the results differ from those without Slurm"

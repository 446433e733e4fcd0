#!/usr/bin/env bash
# A SLURM cluster of one node, this machine, for tests: no munge, no cgroups, no systemd, no accounting. Needs slurm-wlm and root.
#   eval "$(scripts/slurm_here.sh start [FOLDER])"   starts it and exports SLURM_CONF (FOLDER: state and logs, default: a new one under /tmp)
#   scripts/slurm_here.sh status                     of the cluster in SLURM_CONF
#   scripts/slurm_here.sh stop                       waits for its jobs (a minute at most; then cancels them) and ends its daemons
# It listens on 127.0.0.1 alone: whoever reaches the ports of a cluster without authentication can run anything as root.
set -euo pipefail
PATH=$PATH:/usr/sbin
die() { echo "slurm_here.sh: $*" >&2; exit 1; }

start() {
  local folder host
  command -v slurmctld slurmd sbatch >/dev/null || die "slurmctld, slurmd or sbatch is missing. On Debian: apt-get install slurm-wlm"
  [ "$(id -u)" = 0 ] || die "SLURM's daemons run as root here; you are $(id -un)."
  folder=$(realpath -m "${1:-$(mktemp -d /tmp/slurm_here.XXXXXX)}")
  host=$(hostname -s)
  mkdir -p "$folder"/{state,spool,run,log}
  export SLURM_CONF="$folder/slurm.conf"
  read -r port_ctld port_slurmd < <(python3 -c 'import socket; a, b = socket.socket(), socket.socket(); a.bind(("127.0.0.1", 0)); b.bind(("127.0.0.1", 0)); print(a.getsockname()[1], b.getsockname()[1])')
  cat >"$SLURM_CONF" <<CONF
ClusterName=local
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort=$port_ctld
SlurmdPort=$port_slurmd
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2
DefMemPerCPU=1000
KillWait=10
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$(awk '/^MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo) State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
  slurmctld >&2
  slurmd >&2
  for _ in $(seq 60); do
    if [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ]; then
      echo "export SLURM_CONF=$SLURM_CONF"
      return
    fi
    sleep 0.5
  done
  tail -n 5 "$folder"/log/*.log >&2
  end_daemons "$folder"
  die "the node was not idle after 30 s; logs: $folder/log"
}

status() {
  sinfo
  squeue
}

stop() {
  for _ in $(seq 60); do
    [ -n "$(squeue --noheader 2>/dev/null)" ] || break
    sleep 1
  done
  squeue --noheader --format=%A 2>/dev/null | xargs --no-run-if-empty scancel --signal=KILL --full || true
  sleep 1.5
  end_daemons "$(dirname "$SLURM_CONF")"
}

end_daemons() {
  local pid_file pid
  for pid_file in "$1"/run/slurmd.pid "$1"/run/slurmctld.pid; do
    [ -s "$pid_file" ] || continue
    pid=$(<"$pid_file")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 50); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.2
    done
  done
}

case "${1:-}" in
  start) start "${2:-}" ;;
  status | stop)
    [ -n "${SLURM_CONF:-}" ] || die "SLURM_CONF is not set: eval \"\$(scripts/slurm_here.sh start)\" sets it."
    "$1"
    ;;
  *) die "use: slurm_here.sh start [FOLDER] | status | stop" ;;
esac

#!/usr/bin/env bash
# A Slurm of one node on 127.0.0.1, to try the scripts beside this one: nothing is installed, neither systemd nor munge is
# needed. Debian or Ubuntu; as root, since slurmd sets affinity and starts tasks as the user who submits.
#
# usage: scripts/slurm/loopback.sh start [DIR]    then: . DIR/env; sinfo     (DIR is target/slurm unless said)
#        scripts/slurm/loopback.sh stop [DIR]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
what=${1:-start}
dir=$(realpath -m "${2:-$root/target/slurm}")

if [ "$what" = stop ]; then
    . "$dir/env"
    scontrol shutdown
    exit
fi
mkdir -p "$dir"/{debs,root,run,log,spool/ctld,spool/d}
if [ ! -x "$dir/root/usr/sbin/slurmctld-wlm" ] && [ ! -x "$dir/root/usr/sbin/slurmctld" ]; then
    (cd "$dir/debs" && apt-get download -qq liblua5.1-0 libhwloc15 libmunge2 slurm-wlm-basic-plugins slurm-client slurmd slurmctld)
    for package in "$dir"/debs/*.deb; do dpkg -x "$package" "$dir/root"; done
fi
usr=$dir/root/usr
libraries=$(dirname "$(find "$usr/lib" -name libslurm-wlm.so -o -name 'libslurmfull.so' | head -1)")
lib=$(dirname "$libraries")
[ "$(basename "$libraries")" = slurm-wlm ] || lib=$libraries
plugins=$lib/slurm-wlm
host=$(hostname -s)
cpus=$(nproc)
cat >"$dir/slurm.conf" <<CONF
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/none
CredType=cred/none
SlurmUser=root
SlurmdUser=root
PluginDir=$plugins
StateSaveLocation=$dir/spool/ctld
SlurmdSpoolDir=$dir/spool/d
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
# jobacct_gather/linux crashes slurmstepd where /proc is restricted.
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
ReturnToService=2
SwitchType=switch/none
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MailProg=/bin/true
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus Boards=1 SocketsPerBoard=1 CoresPerSocket=$cpus ThreadsPerCore=1 RealMemory=1000
PartitionName=bench Nodes=ALL Default=YES MaxTime=60 State=UP OverSubscribe=NO
CONF
cat >"$dir/env" <<ENV
export SLURM_CONF=$dir/slurm.conf
export LD_LIBRARY_PATH=$lib:$plugins
export PATH=$usr/bin:$PATH
ENV
. "$dir/env"
program() { if [ -x "$usr/sbin/$1-wlm" ]; then echo "$usr/sbin/$1-wlm"; else echo "$usr/sbin/$1"; fi; }
"$(program slurmctld)"
sleep 2
"$(program slurmd)" -d "$(program slurmstepd)"
sleep 2
sinfo

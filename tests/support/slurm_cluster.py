"""Start a real Slurm cluster on this machine; stopping it leaves nothing behind."""

import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import psutil
from waiting import wait_until

DAEMONS = ("munged", "slurmctld", "slurmd", "squeue", "srun", "sbatch")
SBIN = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
NODES = ("node0", "node1", "node2")

CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
# Steps are known by their jobs' numbers, which no other cluster on this machine is to give.
FirstJobId={ports[0]}000
SlurmctldPidFile={place}/slurmctld.pid
SlurmctldLogFile={place}/slurmctld.log
StateSaveLocation={place}/state
SlurmdPidFile={place}/%n.pid
SlurmdLogFile={place}/%n.log
SlurmdSpoolDir={place}/%n
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={place}/munge,cred_expire=10
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=0,bf_interval=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SlurmdParameters=config_overrides
SlurmdTimeout=20
KillWait=2
MinJobAge=3600
ReturnToService=2
GresTypes=gpu
"""


class Slurm:
    """Three nodes of four cores and 8 GB; the last one says that it has a GPU."""

    def __init__(self, place: Path):
        self.place, self.bin = place, place / "bin"
        self.conf = place / "slurm.conf"
        for folder in (self.bin, place / "state", *(place / node for node in NODES)):
            folder.mkdir()
        (place / "key").write_bytes(os.urandom(128))
        (place / "key").chmod(0o600)
        host, ports = socket.gethostname(), _free_ports(1 + len(NODES))
        lines = [CONFIGURATION.format(host=host, place=place, ports=ports)]
        for node, port in zip(NODES, ports[1:], strict=True):
            gpu = "Gres=gpu:1 " if node == NODES[-1] else ""
            lines += [
                f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=4 "
                f"RealMemory=8000 {gpu}State=UNKNOWN\n"
            ]
        lines += [
            "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n",
            f"PartitionName=gpu Nodes={NODES[-1]} MaxTime=INFINITE State=UP\n",
        ]
        self.conf.write_text("".join(lines))
        (place / "gres.conf").write_text(f"NodeName={NODES[-1]} Name=gpu File=/dev/null\n")
        # The executor plugin takes SLURM_CONF from its steps, which then look in /etc.
        srun = shutil.which("srun", path=SBIN)
        self._hide_sacct()
        (self.bin / "srun").unlink(missing_ok=True)
        (self.bin / "srun").write_text(f'#!/bin/sh\nSLURM_CONF={self.conf} exec {srun} "$@"\n')
        (self.bin / "srun").chmod(0o755)

    def _hide_sacct(self) -> None:
        """Leave out sacct, which answers nothing here.

        Where the executor plugin finds it, it is asked as soon as the controller is away, whatever
        --slurm-status-command says, and jobs that it does not know are forgotten.
        """
        self.path = [str(self.bin)]
        for folder in map(Path, SBIN.split(os.pathsep)):
            if not (folder / "sacct").exists():
                self.path.append(str(folder))
                continue
            for program in folder.iterdir():
                shown = self.bin / program.name
                if program.name != "sacct" and not shown.is_symlink():
                    shown.symlink_to(program)

    @property
    def environment(self) -> dict[str, str]:
        """Return what a run on the cluster has in its environment."""
        path = os.pathsep.join(self.path)
        return {"SLURM_CONF": str(self.conf), "PATH": path, "OMP_NUM_THREADS": "1"}

    def call(self, *command: str) -> str:
        """Return what a command prints.

        Raises:
            CalledProcessError: it fails.
        """
        environment = {**os.environ, **self.environment}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    def start(self) -> None:
        """Start every daemon and wait until every node is idle."""
        files = {"key-file": "key", "socket": "munge", "pid-file": "munged.pid"}
        files |= {"log-file": "munged.log", "seed-file": "seed"}
        options = [f"--{option}={self.place / file}" for option, file in files.items()]
        self.call("munged", "--force", *options)  # root's socket in /tmp would be refused
        self.start_controller("-c")
        for node in NODES:
            self.start_node(node)
        wait_until(lambda: self.idle() == set(NODES), "every node is idle")

    def start_controller(self, *options: str) -> None:
        self.call("slurmctld", *options)

    def start_node(self, node: str) -> None:
        self.call("slurmd", "-N", node)

    def pid(self, daemon: str) -> int:
        return int((self.place / f"{daemon}.pid").read_text())

    def stop_controller(self) -> None:
        _end(self.pid("slurmctld"))

    def crash(self, node: str) -> None:
        """Kill a node's daemon and all that runs there, as if it had lost its power."""
        jobs = self.call("squeue", "-h", "-w", node, "-o", "%i").split()
        os.kill(self.pid(node), signal.SIGKILL)
        kill_steps(jobs)

    def idle(self) -> set[str]:
        return set(self.call("sinfo", "-h", "-N", "-t", "idle", "-o", "%N").split())

    def jobs(self) -> dict[str, str]:
        """Return the state of every job that there ever was, by its number."""
        lines = self.call("squeue", "-h", "--states=all", "-o", "%i %T").splitlines()
        return dict(line.split() for line in lines)

    def running(self, rule: str) -> dict[str, str]:
        """Return the nodes on which jobs of a rule run, by the jobs' numbers."""
        lines = self.call("squeue", "-h", "--states=RUNNING", "-o", "%i %N %k").splitlines()
        found = [line.split(" ", 2) for line in lines]
        return {job: node for job, node, comment in found if comment.startswith(f"rule_{rule}")}

    def told(self, job: str) -> str:
        """Return everything that Slurm knows of a job."""
        return self.call("scontrol", "show", "job", "-d", job)

    def stop(self) -> None:
        """End every job and daemon."""
        kill_steps(list(self.jobs()) if self.runs("slurmctld") else [])
        for daemon in (*NODES, "slurmctld", "munged"):
            if self.runs(daemon):
                _end(self.pid(daemon))

    def runs(self, daemon: str) -> bool:
        """Return whether a daemon is there."""
        return (self.place / f"{daemon}.pid").exists() and _alive(self.pid(daemon))


def kill_steps(jobs: list[str]) -> None:
    """Kill the processes of jobs, and those that watch over them."""
    heads = tuple(f"slurmstepd: [{job}." for job in jobs)
    for process in psutil.process_iter(["cmdline"]):
        if heads and " ".join(process.info["cmdline"] or []).startswith(heads):
            for one in (process, *process.children(recursive=True)):
                try:
                    one.kill()
                except psutil.NoSuchProcess:
                    continue


def missing() -> list[str]:
    """Return the programs of Slurm that are not installed."""
    return [name for name in DAEMONS if shutil.which(name, path=SBIN) is None]


def _free_ports(count: int) -> list[int]:
    # Not those that the system hands out: one could be taken while its daemon is away.
    drawn = random.sample(range(15_000, 32_000), 50 * count)
    return list(itertools.islice(filter(_is_free, drawn), count))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _alive(pid: int) -> bool:
    # In a container nobody may fetch what is left of a daemon that ended.
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    try:
        wait_until(lambda: not _alive(pid), f"process {pid} ends", patience_s=20)
    except AssertionError:
        os.kill(pid, signal.SIGKILL)

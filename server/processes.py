"""The line as processes: start in order, stop to the last one, look at each. One `Stack` is one line on this host."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from hotline.errors import NotFound, PartUnavailable
from hotline.settings import Settings, project_root, settings_file
from server.provision import database, menus, postgres, proc, supervisor
from server.provision.programs import Program, all_programs
from server.provision.supervisor import Entry, State, Supervisor

START_SECONDS = 60.0
"""Longest wait for one stage; a warm start of the whole line takes a few seconds."""

_SHOWN_OF_A_LOG = 15
_TRIES = 3
"""A program that ended so often while we wait for it will not come up by waiting longer."""
_STOPPED = {"STOPPED", "EXITED", "FATAL"}

T = TypeVar("T")


def _silent(_line: str) -> None:
    """The default listener to progress."""


class Stack:
    """All programs of one line: everything under one `var_dir`, run by one supervisord.

    `config` is the file its processes read; by default the one this process reads. Methods block and may be called
    from any thread; they raise PartUnavailable with what to do about it.
    """

    def __init__(self, settings: Settings, *, config: Path | None = None) -> None:
        self._settings = settings
        self._config = (config or settings_file()).resolve()
        self._var = settings.var_dir
        self._programs = {program.name: program for program in all_programs(settings)}
        self._supervisor = Supervisor(settings.var_dir)

    @property
    def names(self) -> list[str]:
        """All programs, in order of starting."""
        return list(self._programs)

    def start(self, only: Collection[str] | None = None, *, progress: Callable[[str], None] = _silent) -> None:
        """Start what does not run yet, stage by stage, and wait until each is ready. The schema is brought up to date
        as soon as PostgreSQL answers. `progress` is told a line for every part."""
        wanted = [self._program(name) for name in (self._programs if only is None else only)]
        wanted.sort(key=lambda program: program.stage)
        with self._alone():
            self._start_supervisor(progress)
            if only is None and not self._settings.postgres.private:
                self._prepare_database(progress)
            for stage in sorted({program.stage for program in wanted}):
                self._start_stage([program for program in wanted if program.stage == stage], progress)

    def stop(self, only: Collection[str] | None = None) -> None:
        """Stop these programs, or the whole line: then no process and no socket of it is left, whatever state the
        supervisor was in."""
        with self._alone():
            if only is not None:
                self._stop([self._program(name) for name in only])
                return
            if self._supervisor.answers():
                self._stop(list(self._programs.values()))
                self._supervisor.shutdown()
                proc.wait_until(lambda: not proc.of_line(self._var), 10.0)
            self._sweep()

    def restart(self, name: str) -> None:
        """Stop one program in order and start it again."""
        self.stop([name])
        self.start([name])

    def status(self) -> list[State]:
        """Every program's state, in order of starting; `STOPPED` for all of a line that is down."""
        states = self._supervisor.states() if self._supervisor.answers() else {}
        return [states.get(name, State(name, "STOPPED", 0, 0, "")) for name in self._programs]

    def pid(self, name: str) -> int:
        """Process id of a running program; raises PartUnavailable if it does not run."""
        self._program(name)
        state = next(state for state in self.status() if state.program == name)
        if state.pid == 0:
            raise PartUnavailable(f"{name} does not run ({state.name})", remedy=f"hotline restart {name}")
        return state.pid

    def wait_ready(self, name: str, timeout: float = START_SECONDS) -> None:
        """Wait until a program serves; raises PartUnavailable with the end of its log after `timeout` seconds."""
        self._wait_ready(self._program(name), time.monotonic() + timeout)

    def _program(self, name: str) -> Program:
        try:
            return self._programs[name]
        except KeyError:
            raise NotFound(f"no program {name}", remedy=f"there are: {', '.join(self._programs)}") from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One start or stop of a line at a time."""
        for folder in (self._var / "run", self._var / "log"):
            folder.mkdir(parents=True, exist_ok=True)
        with (self._var / "stack.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _start_supervisor(self, progress: Callable[[str], None]) -> None:
        if self._supervisor.answers():
            return
        if proc.of_line(self._var):
            progress("ending what an earlier run left behind")
        self._sweep()
        file = supervisor.write(self._var, project_root())
        supervisor.forget_programs(self._var)
        done = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(file)],
            env={**os.environ, proc.MARK: str(self._var.resolve())},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not proc.wait_until(self._supervisor.answers, 10.0):
            raise PartUnavailable(
                f"the supervisor did not start: {done.stderr.strip()[-500:]}",
                remedy=f"look into {self._var / 'log' / 'supervisord.log'}",
            )

    def _start_stage(self, members: list[Program], progress: Callable[[str], None]) -> None:
        """Prepared only now: what a stage needs on disk may come from the ones before it, as the emergency routes in
        Asterisk's dialplan come from the directory."""
        started = time.monotonic()
        states = self._supervisor.states()
        idle = [program for program in members if program.name not in states or states[program.name].pid == 0]
        for program in idle:
            self._refuse_strangers(program)
        for program in idle:
            self._write(program)
        self._supervisor.reload()
        for program in members:
            self._supervisor.start(program.name)
        for program in members:
            self._wait_ready(program, started + START_SECONDS)
            progress(f"{program.name} is up after {time.monotonic() - started:.1f} s")
        if any(program.name == "postgres" for program in members):
            self._prepare_database(progress)

    def _refuse_strangers(self, program: Program) -> None:
        for port in program.ports:
            if (holder := proc.listener(port.number, protocol=port.protocol)) is not None:
                who = f"process {holder} ({' '.join(proc.words(holder))[:80]})" if holder else "another process"
                raise PartUnavailable(
                    f"{program.name} cannot start: {who} holds port {port.number}",
                    remedy=f"end it, or set another {port.key} in {self._config}",
                )

    def _write(self, program: Program) -> None:
        supervisor.write_program(
            self._var,
            project_root(),
            Entry(
                program.name,
                _apart(lambda: program.prepare(self._settings)),
                {"HOTLINE_CONFIG": str(self._config), "PYTHONUNBUFFERED": "1", **program.environment},
                program.stop_signal,
                program.stop_seconds,
            ),
        )

    def _prepare_database(self, progress: Callable[[str], None]) -> None:
        started = time.monotonic()
        if self._settings.postgres.private:
            _apart(lambda: asyncio.run(postgres.ensure_database(self._settings)))
        database.migrate(self._settings)
        added = _apart(lambda: asyncio.run(database.fill_empty_directory(self._settings)))
        if added:
            progress(f"{added} hotline numbers are in the directory")
        entered = _apart(lambda: asyncio.run(menus.enter_default_menus(self._settings)))
        if entered:
            progress(f"{entered} default menus are published, for no line yet")
        progress(f"schema is up to date after {time.monotonic() - started:.1f} s")

    def _wait_ready(self, program: Program, deadline: float) -> None:
        """Wait until it serves; a program that keeps ending is given up on before the deadline."""
        pids: set[int] = set()
        while not _apart(lambda: asyncio.run(self._is_ready(program))):
            state = self._supervisor.states()[program.name]
            pids.add(state.pid)
            if time.monotonic() > deadline or len(pids - {0}) > _TRIES:
                log = supervisor.log_file(self._var, program.name)
                last = log.read_text(errors="replace").splitlines()[-_SHOWN_OF_A_LOG:] if log.exists() else []
                raise PartUnavailable(
                    "\n".join((f"{program.name} did not become ready ({state.name}); its log ends:", *last)),
                    remedy=f"hotline doctor; the whole log is {log}",
                )

    async def _is_ready(self, program: Program) -> bool:
        """Ask again and again for half a second."""
        for _ in range(10):
            if await program.ready(self._settings):
                return True
            await asyncio.sleep(0.05)
        return False

    def _stop(self, programs: list[Program]) -> None:
        """Later stages first; within a stage all at once."""
        for stage in sorted({program.stage for program in programs}, reverse=True):
            members = [program for program in programs if program.stage == stage]
            known = self._supervisor.states()
            members = [program for program in members if program.name in known]
            for program in members:
                self._supervisor.stop(program.name)
            if members and not proc.wait_until(
                lambda members=members: self._are_stopped(members),  # type: ignore[misc]
                max(program.stop_seconds for program in members) + 10.0,
            ):
                raise PartUnavailable(f"cannot stop {', '.join(p.name for p in members)}", remedy="hotline stop")

    def _are_stopped(self, programs: list[Program]) -> bool:
        states = self._supervisor.states()
        return all(states[program.name].name in _STOPPED for program in programs)

    def _sweep(self) -> None:
        """End every process of this line that is still there, the supervisor first so that it restarts nothing."""
        pids = proc.of_line(self._var)
        supervisors = [pid for pid in pids if "supervisor.supervisord" in proc.words(pid)]
        proc.end(supervisors, number=signal.SIGKILL, seconds=5.0)
        for number, seconds in ((signal.SIGTERM, 10.0), (signal.SIGINT, 5.0), (signal.SIGKILL, 5.0)):
            proc.end(proc.of_line(self._var), number=number, seconds=seconds)
        if left := proc.of_line(self._var):
            raise PartUnavailable(f"processes {left} cannot be ended", remedy="look at them with ps; they are stuck")
        for pattern in ("*.sock", "*.sock.*", "*.pid"):
            for file in (self._var / "run").glob(pattern):
                file.unlink()


def _apart(work: Callable[[], T]) -> T:
    """Run work that has a loop of its own, so that a caller inside a loop may use us too."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()

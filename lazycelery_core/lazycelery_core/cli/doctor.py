"""What works on a connection, what does not, and which right is missing? `lazycelery doctor connection`."""

import click

from lazycelery_core.control import Control, Diagnoses, Finding
from lazycelery_core.errors import CONNECTION, FAILED, ConfigError
from lazycelery_core.launcher import Launcher
from lazycelery_core.text import safe


@click.group()
def doctor() -> None:
    """Find out what is wrong."""


@doctor.command()
@click.pass_obj
def connection(launcher: Launcher) -> int:
    """Try everything LazyCelery would do on the connection, and name each missing right.

    Exit codes: 0 all works; 1 something is refused or missing; 3 the broker can't be reached.
    """
    target = launcher.connect()
    policy = launcher.policy(target)
    sources = launcher.plugins().sources(target)
    abilities = tuple(ability for source in sources for ability in source.abilities(policy.level))
    diagnoses = Control(abilities).get(Diagnoses)
    if diagnoses is None:
        raise ConfigError(f"No plugin here can examine {target.shown}.", "Look at `lazycelery plugins`.")
    click.echo(safe(f"{target.name}  {target.shown}  {policy.badge}"))
    findings = []
    for finding in diagnoses.diagnose():
        click.echo(_told(finding))
        findings.append(finding)
    return _exit_code(findings)


def _told(finding: Finding) -> str:
    mark = click.style("✓", fg="green") if finding.ok else click.style("✗", fg="red")
    right = f"  missing right: {finding.right}" if finding.right else ""
    text = f"{finding.what:28}  {finding.detail}{right}"
    hint = f"\n    {safe(finding.hint)}" if finding.hint else ""
    return f"{mark} {safe(text)}{hint}"


def _exit_code(findings: list[Finding]) -> int:
    """The first finding is whether the broker can be reached at all."""
    if not findings or not findings[0].ok:
        return CONNECTION
    return 0 if all(finding.ok for finding in findings) else FAILED

"""`kitchen keys`: the key that signs publications, and the keys that verifying trusts."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli import output
from pipeline.errors import ConfigError
from pipeline.publishing import signing
from pipeline.settings.config import Kitchen, load_kitchen


@click.command("keys")
@click.option("--create", is_flag=True, help="Make the signing key, and trust its public half.")
@click.option("--own", is_flag=True, help="Trust the public half of the signing key that is there.")
@click.option(
    "--trust",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Trust the public keys in a PEM file.",
)
@click.option("--name", default="", help="Whose key it is, for people who read the trusted file.")
@output.json_option
def command(create: bool, own: bool, trust: Path | None, name: str) -> None:
    """Show, make or trust Ed25519 keys. No private key is ever shown.

    The signing key is the file that signing.key of the configuration or KITCHEN_SIGNING_KEY names, outside
    the repository and readable by its owner alone; signing.trusted names the public keys. Where that file was
    lost, --own writes it anew from the signing key.

    \b
    Example:
      kitchen keys --create --name "build host"
    """
    kitchen = load_kitchen()
    path = signing.key_file(kitchen)
    if path is None and (create or own):
        raise ConfigError(
            f"{kitchen.file}: names no signing.key, and {signing.VARIABLE} is not set;"
            " name a file outside the repository"
        )
    if path is not None and (create or own):
        key = signing.create(path, kitchen) if create else signing.load(path, kitchen).public_key()
        signing.trust(kitchen.trusted_keys, key, name)
    for key in signing.read_trusted(trust) if trust is not None else ():
        signing.trust(kitchen.trusted_keys, key, name)
    _say(kitchen, path)


def _say(kitchen: Kitchen, path: Path | None) -> None:
    public = signing.load(path, kitchen).public_key() if path is not None else None
    trusted = signing.trusted_by(kitchen) or []
    signs = None if public is None else signing.fingerprint(public)
    facts = {
        "key_file": None if path is None else str(path),
        "signs_as": signs,
        "public": None if public is None else signing.public_pem(public).decode(),
        "trusted_file": str(kitchen.trusted_keys),
        "trusted": [signing.fingerprint(key) for key in trusted],
    }
    lines = [
        f"signs as {signs} ({path})" if signs else "no signing key: publications are not signed",
        *(f"trusts   {name}" for name in facts["trusted"] or ()),
        f"trusted keys in {kitchen.trusted_keys}" if trusted else "no key is trusted",
    ]
    output.say(facts, lines)

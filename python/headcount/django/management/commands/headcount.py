"""`manage.py headcount`: what the module does here, from the command line."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

import headcount
from headcount.django import engine, words
from headcount.django.host import TYPES


class Command(BaseCommand):
    """Asks the module, and tells what it answers."""

    help = "Anonymous install analytics: what is sent, what waits, what went wrong"

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        for name, text in (
            ("doctor", "which switch is on, which one won, and what is wrong"),
            ("preview", "what would be sent now"),
            ("status", "what waits, and how the last deliveries went"),
            ("ledger", "what left in the last 24 hours, byte for byte"),
            ("flush", "deliver now; fails when anything still waits"),
            ("stop", "stop everything and delete what waits"),
            ("resume", "allow sending again"),
            ("forget", "ask every collector to erase this install, then become another one"),
        ):
            command = commands.add_parser(name, help=text)
            command.add_argument("--json", action="store_true", help="print one JSON object")
        token = commands.add_parser("add-token", help="add a destination with every feed on")
        token.add_argument("--endpoint", default="", help="base URL of the collector; not needed for Google's own")
        token.add_argument("--token", required=True, help="ingest key, measurement ID or tracking ID")
        token.add_argument("--name", default="Team")
        token.add_argument("--type", default="HEADCOUNT", choices=sorted(TYPES))
        token.add_argument("--secret", default="", help="API secret, only for GA-V4")
        token.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        module = engine.current()
        if module is None:
            raise CommandError("no Headcount app is in INSTALLED_APPS")
        name = options["command"]
        try:
            if name == "add-token":
                self.stdout.write(self.add_token(module, options))
                return
            module.follow()
            answer = self.ask(module, name)
        except headcount.Error as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(answer) if options["json"] else words.told(name, answer, module))
        if name == "flush" and answer["waiting"]:
            raise CommandError(f"{answer['waiting']} still wait: {'; '.join(answer['troubles'])}")

    def add_token(self, module: engine.Engine, options: dict[str, Any]) -> str:
        """Adds a row to the operator's table, as the admin would."""
        values = {name: options[name] for name in ("name", "type", "endpoint", "token", "secret")}
        try:
            added = module.host.add_token(values)
        except ValidationError as error:
            raise CommandError(
                "; ".join(f"{field}: {' '.join(why)}" for field, why in error.message_dict.items())
            ) from error
        except NotImplementedError:
            raise CommandError("tokens of this host are added in its admin") from None
        module.follow()
        return json.dumps({"token": added}) if options["json"] else f"token {added} ({options['name']}) added"

    def ask(self, module: engine.Engine, name: str) -> Any:
        """The module's answer to a command."""
        client = module.client
        match name:
            case "doctor":
                return module.doctor()
            case "preview":
                return {"requests": client.preview()}
            case "status":
                return client.status()
            case "ledger":
                return client.ledger()
            case "flush":
                return client.flush()
            case "stop":
                module.stop()
                return {"off": True}
            case "resume":
                module.resume()
                return {"off": False}
            case _:
                return module.forget()

"""The parser of the command line; commands name their functions, so that it imports none."""

import argparse

COMMAND = "settings.checks:command_problems"
# Outside of `tasks`: a process becomes a worker by its first import of it.
WORKER = "settings.checks:worker_command_problems"
SERVER = "tasks.addresses:server_problems"
"""The check of the settings before a command; it returns the reasons of a rejection."""


def create_parser() -> argparse.ArgumentParser:
    """Returns the parser of all commands; without a command the server is served."""
    description = (
        "The basket server, and the administration of its divisions, users and tokens."
    )
    root = argparse.ArgumentParser(prog="server.py", description=description)
    # Without a command: serve.
    root.set_defaults(
        command="commands.serving:serve", settings_check=SERVER, is_logged=True
    )
    commands = root.add_subparsers(metavar="COMMAND")
    _add_service_commands(commands)
    function, summary = "commands.schema:print_schema", "print the GraphQL schema"
    _add(commands, "schema", function, summary)
    _add(commands, "demo", "commands.database:demo", "write the demo divisions and users")
    _add_document_commands(
        commands.add_parser("documents", help="administer trusted documents")
    )
    _add_division_commands(commands.add_parser("division", help="administer divisions"))
    _add_user_commands(commands.add_parser("user", help="administer users"))
    _add_token_commands(commands.add_parser("token", help="administer tokens"))
    _add_directory_commands(
        commands.add_parser("directory", help="administer all divisions and users by files")
    )
    _add_audit(commands)
    return root


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    function: str,
    summary: str,
    *,
    has_json: bool = True,
    **defaults: object,
) -> argparse.ArgumentParser:
    """Adds a command that runs `function`, named as MODULE:FUNCTION, after a `settings_check`.

    By default it prints instead of logging, and takes `--json`.
    """
    parser = commands.add_parser(name, help=summary)
    if has_json:
        parser.add_argument(
            "--json", dest="has_json", action="store_true", help="print one JSON document"
        )
    parser.set_defaults(
        command=function, **{"is_logged": False, "settings_check": COMMAND} | defaults
    )
    return parser


def _add_service_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    """Adds the commands that run unattended."""
    function, summary = "commands.serving:serve", "migrate and serve; the default"
    serve = {"is_logged": True, "settings_check": SERVER}
    _add(commands, "serve", function, summary, has_json=False, **serve)
    function, summary = (
        "commands.work:work",
        "write exports that servers send through Redis",
    )
    unattended = {"is_logged": True, "settings_check": WORKER}
    work = _add(commands, "work", function, summary, has_json=False, **unattended)
    for name, summary in (
        ("--processes", "the number of processes; 2"),
        ("--threads", "the number of threads of each; 2"),
    ):
        work.add_argument(name, type=_positive, default=2, help=summary)
    function, summary = "commands.database:migrate", "bring the tables up to date"
    migrate = _add(commands, "migrate", function, summary, is_logged=True)
    summary = "change nothing; status 0 when there is nothing to do, else 1"
    migrate.add_argument("--check", action="store_true", help=summary)
    target = "go to this migration, also back; going back deletes what the later ones added"
    migrate.add_argument("--to", metavar="MIGRATION", help=target)
    _add_check(commands)
    function, summary = (
        "commands.settings:check",
        "show the settings in force, and check them",
    )
    check = _add(commands, "check-settings", function, summary, settings_check="")
    check.add_argument(
        "--for",
        dest="use",
        choices=("server", "worker", "command"),
        default="server",
        help="the kind of process that is to run on them; by default a server",
    )


def _positive(text: str) -> int:
    """Returns a whole number above 0; argparse names the option of any other text."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    function = "commands.check:check_totals"
    summary = (
        "compare the totals of baskets with their items, and the history with versions"
    )
    check = _add(commands, "check", function, summary)
    summary = "write the right totals, each while its basket is locked"
    check.add_argument("--repair", action="store_true", help=summary)


def _add_document_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    manifest = "a file of GraphQL Code Generator, Relay or Apollo with ids and texts"
    summary = "add the documents of manifests, all or none"
    add = _add(commands, "add", "commands.documents:documents_add", summary)
    add.add_argument("manifest", nargs="+", help=manifest)
    summary = (
        "report the stored documents that this schema rejects; status 1 when there are any"
    )
    check = _add(commands, "check", "commands.documents:documents_check", summary)
    check.add_argument(
        "manifest", nargs="*", help="check this file instead, without the database"
    )
    _add(commands, "list", "commands.documents:documents_list", "list all documents")
    summary = "remove the documents of the manifests of an old release"
    remove = _add(commands, "remove", "commands.documents:documents_remove", summary)
    remove.add_argument("manifest", nargs="+", help=manifest)
    remove.add_argument(
        "--keep",
        metavar="MANIFEST",
        nargs="+",
        default=[],
        help="the manifests of releases in use, whose documents stay",
    )


def _add_division_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    summary = "add a main division or, with --parent, a sub-division"
    add = _add(commands, "add", "commands.people:division_add", summary)
    add.add_argument("--erp-code", required=True)
    add.add_argument("--name", required=True)
    add.add_argument("--parent", help="the ERP code of the main division above it")
    _add(commands, "list", "commands.people:division_list", "list all divisions")
    summary = "show a division, and why nobody can buy for it if nobody can"
    show = _add(commands, "show", "commands.standing:division_show", summary)
    show.add_argument("erp_code")
    for name, is_active in (("activate", True), ("deactivate", False)):
        summary = f"make a division {'active' if is_active else 'inactive'}"
        function = "commands.people:division_activity"
        command = _add(commands, name, function, summary, is_active=is_active)
        command.add_argument("erp_code")


def _add_user_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add = _add(commands, "add", "commands.people:user_add", "add a user to a division")
    for option in ("--email", "--first-name", "--last-name"):
        add.add_argument(option, required=True)
    add.add_argument(
        "--division", required=True, help="the ERP code of the user's division"
    )
    _add(commands, "list", "commands.people:user_list", "list all users")
    summary = "show a user, and why they cannot buy if they cannot"
    _add(commands, "show", "commands.standing:user_show", summary).add_argument("email")
    _add_personal_data_commands(commands)
    for name, is_active in (("activate", True), ("deactivate", False)):
        summary = "let a user in" if is_active else "keep a user out"
        function = "commands.people:user_activity"
        command = _add(commands, name, function, summary, is_active=is_active)
        command.add_argument("email")
    _add_account_commands(commands)


def _add_account_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    """Adds the commands about accounts at identity providers."""
    summary = "bind a user to an account at an identity provider"
    bind = _add(commands, "bind", "commands.accounts:bind", summary)
    bind.add_argument("email")
    bind.add_argument("--issuer", required=True, help="the provider, as in OIDC_ISSUER")
    bind.add_argument("--subject", required=True, help="the `sub` of the account's tokens")
    summary = "free a user from their account, so that the next login binds them anew"
    unbind = _add(commands, "unbind", "commands.accounts:unbind", summary)
    freed = unbind.add_mutually_exclusive_group(required=True)
    freed.add_argument("email", nargs="?")
    freed.add_argument("--issuer", help="free all users of this provider")


def _add_personal_data_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    for name, summary in (
        ("export", "print all that is stored of a person as JSON"),
        ("erase", "erase a person's data; quotations stay, without the person"),
    ):
        command = _add(commands, name, f"commands.personal_data:user_{name}", summary)
        command.add_argument("email")


def _add_token_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    issue = _add(commands, "issue", "commands.tokens:issue", "print a new token, once")
    issue.add_argument("email")
    issue.add_argument("--name", help="the purpose of the token, for `token list`")
    issue.add_argument("--days", type=int, help="let the token expire after so many days")
    summary = "list the tokens of a user, or of all users, without the tokens themselves"
    tokens = _add(commands, "list", "commands.tokens:list_all", summary)
    tokens.add_argument("email", nargs="?")
    summary = "revoke a token, those of a user, or all"
    revoke = _add(commands, "revoke", "commands.tokens:revoke", summary)
    revoked = revoke.add_mutually_exclusive_group(required=True)
    summary = "the token's number, or the token itself"
    revoked.add_argument("token", nargs="?", help=summary)
    revoked.add_argument("--user", metavar="EMAIL", help="revoke all tokens of a user")
    revoked.add_argument(
        "--all", action="store_true", help="revoke all tokens of all users"
    )


def _add_directory_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    function, summary = (
        "commands.directory:import_directory",
        "make the divisions and users those of two files, or change nothing",
    )
    load = _add(commands, "import", function, summary)
    function = "commands.directory:export_directory"
    summary = "write the two files that an import reads"
    for command in (load, _add(commands, "export", function, summary)):
        command.add_argument("divisions", help="the csv file of divisions")
        command.add_argument("users", help="the csv file of users")
    for option, summary in (
        ("--dry-run", "change nothing, and say all that would be changed"),
        ("--deactivate-missing", "deactivate all that are in neither file"),
        ("--force", "also when these are more than a fifth of the active ones"),
    ):
        load.add_argument(option, action="store_true", help=summary)


def _add_audit(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    summary = "show who changed divisions, users and tokens, or baskets; the newest first"
    audit = _add(commands, "audit", "commands.audit:audit", summary)
    summary = "show the history of all baskets instead"
    audit.add_argument("--baskets", action="store_true", help=summary)
    for option, summary in (
        ("user", "those about or by a user: an e-mail address, or the user's number"),
        ("division", "those of a division, by its ERP code"),
        ("product", "with --baskets, those of a product, by its SKU"),
        ("action", "those of a kind, for example USER_ADDED or, with --baskets, SUBMITTED"),
        ("since", "those from a day or time on, for example 2026-11-30"),
        ("until", "those until a day, including it, or before a time"),
    ):
        audit.add_argument(f"--{option}", help=summary)
    audit.add_argument("--limit", type=int, default=100, help="how many at most; 100")

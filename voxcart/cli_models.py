"""``voxcart models pull | list | verify``."""

import json
import sys
from typing import Annotated, Any

import typer

from voxcart.models.errors import ModelError
from voxcart.models.manifest import PROFILES, ModelSpec
from voxcart.models.progress import default_reporter
from voxcart.models.pull import Puller
from voxcart.models.store import ModelStore

app = typer.Typer(name="models", help="Fetch, list and verify model weights.", no_args_is_help=True)

MAX_LISTED = 5
"""Files named per model before the rest is only counted; ``--json`` has them all."""

Names = Annotated[list[str] | None, typer.Argument(help="Models; all of the profile when none is named.")]
ProfileOption = Annotated[str, typer.Option("--profile", help="cpu or gpu: which set of models.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


@app.command()
def pull(names: Names = None, profile: ProfileOption = "cpu", as_json: JsonOption = False) -> None:
    """Fetch, verify and convert models; what is there already is not fetched again."""
    store, models = _select(names, profile)
    puller = Puller(store, default_reporter())
    results: list[dict[str, Any]] = []
    failed = False
    for model in models:
        try:
            report = puller.pull(model)
            result: dict[str, Any] = {"fetched": report.fetched, "converted": report.converted}
        except ModelError as error:
            failed = True
            result = {"error": str(error)}
            print(error, file=sys.stderr)
        results.append({"model": model.name, "ok": "error" not in result, **result})
    if as_json:
        print(json.dumps({"root": str(store.root), "ok": not failed, "models": results}, ensure_ascii=False))
    elif not failed:
        print(f"{len(models)} models ready in {store.root}")
    if failed:
        raise typer.Exit(1)


@app.command("list")
def list_models(names: Names = None, profile: ProfileOption = "cpu", as_json: JsonOption = False) -> None:
    """Say what the models are, how large, under which licence, and whether they are on this machine."""
    store, models = _select(names, profile)
    rows = [_describe(store, model) for model in models]
    if as_json:
        print(json.dumps({"root": str(store.root), "profile": profile, "models": rows}, ensure_ascii=False))
        return
    for row in rows:
        state = "ready" if row["ready"] else "not pulled"
        size = f"{row['fetched_bytes'] / 1e6:7.1f} MB"
        print(f"{row['model']:<24} {state:<11} {size}  {row['licence']:<22} {row['role']}: {row['title']}")
    print(f"in {store.root}")
    by_name = [model.name for model in store.manifest.models if not model.profiles]
    if by_name and not names:
        print(f"by name only: {', '.join(by_name)}")


@app.command()
def verify(names: Names = None, profile: ProfileOption = "cpu", as_json: JsonOption = False) -> None:
    """Hash every file again and say which are missing or altered. Exit status 1 if any is."""
    store, models = _select(names, profile)
    rows: list[dict[str, Any]] = []
    for model in models:
        wrong = [status for status in store.verify(model) if status.state != "ok"]
        rows.append(
            {
                "model": model.name,
                "ok": not wrong,
                "problems": [{"file": s.path, "state": s.state, "detail": s.detail} for s in wrong],
            }
        )
    ok = all(row["ok"] for row in rows)
    if as_json:
        print(json.dumps({"root": str(store.root), "ok": ok, "models": rows}, ensure_ascii=False))
    else:
        for row in rows:
            print(f"{row['model']:<24} {'ok' if row['ok'] else 'NOT OK'}")
            for problem in row["problems"][:MAX_LISTED]:
                print(f"    {problem['file']} {problem['detail']}")
            if (more := len(row["problems"]) - MAX_LISTED) > 0:
                print(f"    ... and {more} more")
        if not ok:
            print("repair with: voxcart models pull", file=sys.stderr)
    if not ok:
        raise typer.Exit(1)


def _select(names: list[str] | None, profile: str) -> tuple[ModelStore, list[ModelSpec]]:
    if profile not in PROFILES:
        raise typer.BadParameter(f"must be one of {', '.join(PROFILES)}", param_hint="--profile")
    try:
        store = ModelStore()
        models = [store.manifest.get(name) for name in names] if names else list(store.manifest.select(profile))
    except ModelError as error:
        raise typer.BadParameter(str(error)) from error
    return store, models


def _describe(store: ModelStore, model: ModelSpec) -> dict[str, Any]:
    statuses = store.statuses(model)
    return {
        "model": model.name,
        "role": model.role,
        "title": model.title,
        "licence": model.licence,
        "profiles": list(model.profiles),
        "fetched_bytes": model.size_bytes,
        "ready": all(status.state == "ok" for status in statuses),
        "files": [{"file": s.path, "state": s.state, "bytes": s.size_bytes} for s in statuses],
    }


if __name__ == "__main__":
    app()

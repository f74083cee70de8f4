"""``voxcart eval``: the measurements of quality."""

import typer

from voxcart.cli_eval_asr import evaluate_asr
from voxcart.cli_eval_dialogue import evaluate_dialogue
from voxcart.cli_eval_nlu import evaluate_nlu
from voxcart.cli_eval_search import evaluate_search
from voxcart.cli_eval_tts import evaluate_tts

app = typer.Typer(help="Measure quality.", no_args_is_help=True)
app.command("asr")(evaluate_asr)
app.command("nlu")(evaluate_nlu)
app.command("search")(evaluate_search)
app.command("dialogue")(evaluate_dialogue)
app.command("tts")(evaluate_tts)

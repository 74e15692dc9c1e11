"""Run a training from its config to its result with transformers' `Seq2SeqTrainer`: start, resume, end, export.

Everything specific is given to the Trainer and not built into it: precomposed batches (`batches`), an optimizer
(`from_scratch.muon`), a loss (`from_scratch.guidance`), and one callback (`trainer_events`). The schedule is warm-up,
stable, decay (Hu et al. 2024): a checkpoint of the stable part is kept, so that a training whose `steps` are raised
later resumes from there. The same config runs on a CPU and on a GPU.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.checkpoints.device import cores, cpu_has_fast_bfloat16, require_torch_cuda, resolve
from pipeline.errors import ConfigError, EngineError, StoppedError, UsageError
from pipeline.ids import digest
from pipeline.progress import Progress
from pipeline.records import JSON
from pipeline.train import batches, card, choose, modelling, state, tracked
from pipeline.train.choose import Choice, Evaluator
from pipeline.train.coding import Coder, coder
from pipeline.train.config import SummarizeTraining, TranslateTraining
from pipeline.train.data import Dev, Packed, pack
from pipeline.train.from_scratch.alignment import align
from pipeline.train.from_scratch.guidance import Guide, Loss
from pipeline.train.from_scratch.muon import muon_and_adamw
from pipeline.train.state import Saved
from pipeline.train.trainer_events import TrainerEvents, kept

if TYPE_CHECKING:
    from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments

_log = logging.getLogger(__name__)

_NO_MEMORY = ("out of memory", "DefaultCPUAllocator")  # of torch: on CUDA, on a CPU
_BYTES = {"adamw": 12, "adafactor": 5, "muon": 12}  # of a checkpoint, for each parameter: weights and moments
_OPTIMIZERS = {"adamw": "adamw_torch", "adafactor": "adafactor", "muon": "adamw_torch"}  # muon is given ready-made


def run(
    training: TranslateTraining | SummarizeTraining, *, progress: Progress, stopping: Callable[[], str | None]
) -> Path:
    """Return the folder of the trained model; resumes where an earlier session ended or was killed.

    Raises `StoppedError` where the time is over or `stopping` gives a reason: the state is saved, `model/` holds the
    best weights so far, and the same command resumes it. Raises `ConfigError` where the folder holds another training,
    `WorldError` where the disk has no room for this one.
    """
    _require_extra()
    with state.on_disk(training.home), state.locked(training.home), _quiet():
        return _Run(training, progress, stopping).run()


class _Run:
    """One session of a training, under its lock."""

    def __init__(
        self,
        training: TranslateTraining | SummarizeTraining,
        progress: Progress,
        stopping: Callable[[], str | None],
    ) -> None:
        self.training, self.progress, self.stopping = training, progress, stopping
        self.began = time.monotonic()
        self.folder = training.home / "checkpoints"
        self.metric = choose.metric_of(training)

    def run(self) -> Path:
        training = self.training
        self.device = "cpu" if training.only == "pack" else resolve(training.device, field="device")
        if self.device == "cuda":
            require_torch_cuda(field="device")  # the Trainer would take the CPU without a word
        self.training = training = _with_precision(training, self.device)  # `auto` is no value from here on
        self.coder: Coder = coder(training)
        self.packed, self.dev = self._data()
        if training.only == "pack":
            align(training, self.packed, self.coder, progress=self.progress)
            return training.home / "data"
        identity = self._identity()
        self._require_same_training(identity)
        checkpoint = self._resumable()
        described = [[source.license, source.note] for source in (*training.data, *training.dev)]  # on the card
        made_of = digest([identity, training.model_dump(mode="json", include=_RESULT), described])
        done = state.read_json(training.home / state.FINISHED)
        target = training.home / state.RESULT
        if done == {"made_of": made_of} and training.only is None and target.is_dir():
            _log.info(f"{training.name}: nothing has changed, {target} is kept")
            return target
        trainer, events = self._trainer(checkpoint)
        finished = checkpoint is not None and self._finished(checkpoint, trainer)
        if not finished and training.only is None:
            finished = self._train(trainer, events, checkpoint)
        target = self._result(trainer, events, finished=finished, made_of=made_of)
        if finished:
            state.write_json(training.home / state.FINISHED, {"made_of": made_of})
            tracked.send_finished(training)
        elif training.only is None:
            raise StoppedError(
                f"{training.name}: {events.reason} at step {events.step} of {training.schedule.steps}; {target} holds "
                "the best so far, the same command resumes it"
            )
        return target

    def _data(self) -> tuple[Packed, Dev]:
        return pack(self.training, self.coder, progress=self.progress, stopping=self.stopping)

    def _identity(self) -> dict[str, JSON]:
        """Return what identifies the training: config, examples, their repetitions in an epoch, and the start."""
        repeat: list[JSON] = [source.repeat for source in self.training.data]
        return self.training.identity() | {
            "data": self.packed.key(),
            "repeat": repeat,
            # by content: the folder may be another on another machine
            "tokenizer" if self.coder.checkpoint is None else "init_from": self.coder.digest,
        }

    def _require_same_training(self, identity: dict[str, JSON]) -> None:
        """Raise `ConfigError` where the folder's checkpoints are of another training; else record the identity."""
        note = self.training.home / state.MADE_OF
        earlier = state.read_json(note)
        if earlier is not None and earlier != identity and state.saved(self.folder):
            names = sorted(identity.keys() | earlier.keys())
            differing = ", ".join(f"`{name}`" for name in names if identity.get(name) != earlier.get(name))
            # `auto` differs from machine to machine, and the config does not show what it was
            was = f"set `precision: {earlier['precision']}`, " if differing == "`precision`" else ""
            raise ConfigError(
                f"{self.training.home}: holds a training with another {differing}; {was}give another `folder:`, or "
                "remove it"
            )
        state.write_json(note, identity)

    def _resumable(self) -> Saved | None:
        """Return the checkpoint to resume from, after removing others; None at the start.

        Where `steps` or `decay` changed and the rate had begun to fall, it is the last one before the fall.
        """
        schedule = self.training.schedule
        for path in state.unfinished(self.folder):
            _log.info(f"{path.name}: was not finished when the process ended, and is removed")
            state.remove(path)
        every = state.saved(self.folder)
        if not every:
            if self.training.only == "export":
                raise ConfigError(f"only: export: there is no checkpoint yet in {self.folder}")
            return None
        last = every[-1]
        if last.step > schedule.steps:
            raise ConfigError(
                f"schedule.steps: {schedule.steps}, but the training is at step {last.step} already; give as many at "
                "least, or another `folder:`"
            )
        if last.decay == schedule.decay_between or last.stable or self.training.only is not None:
            return last
        now = f"the schedule ends at step {schedule.steps} and decays from {schedule.decay_between[0]} now"
        stable = [one for one in every if one.stable]
        if not stable:
            _log.info(f"{now}: going on from step {last.step}, for none is left from before the decay")
            return last
        for one in every[every.index(stable[-1]) + 1 :]:
            state.remove(one.folder)
        _log.info(f"{now}: going on from step {stable[-1].step}, before the decay")
        return stable[-1]

    def _trainer(self, checkpoint: Saved | None) -> tuple[Seq2SeqTrainer, TrainerEvents]:
        """Return the Trainer with its model, data and optimizer, and its events."""
        import torch
        from transformers import PrinterCallback, Seq2SeqTrainer

        training = self.training
        torch.set_num_threads(training.threads or min(torch.get_num_threads(), cores()))  # torch knows no quota
        arguments = self._arguments()
        model: Any = modelling.build(training, self.coder)
        model.to(arguments.device)  # before the optimizer is made, as the Trainer asks
        self.parameters = sum(parameter.numel() for parameter in model.parameters())
        size = _BYTES[training.optimizer.kind] * self.parameters
        state.require_room(training.home, checkpoint=size, kept=kept(training) + 3)  # best, stable, new
        model.generation_config = modelling.evaluation_config(training, self.coder)
        guide = None if training.guidance is None else Guide(model, training.guidance)
        loss = Loss(guide, training.smoothing)
        alignment = align(training, self.packed, self.coder, progress=self.progress)
        plan = batches.plan(training, self.packed, repeats=tuple(source.repeat for source in training.data))
        self.evaluator = Evaluator(training, self.dev, self.coder)
        guided = 0 if training.guidance is None else training.guidance.steps
        dataset: Any = batches.TrainingBatches(self.packed, self.coder, plan, alignment, guided)
        quick_eval: Any = self.evaluator.quick_eval
        optimizer = None  # the Trainer makes its own
        if training.optimizer.kind == "muon":
            optimizer = muon_and_adamw(model, training.optimizer, in_bfloat16=training.precision == "bfloat16")
        events = TrainerEvents(
            training,
            metric=self.metric,
            folder=self.folder,
            loss=loss,
            progress=self.progress,
            stopping=self.stopping,
            since=checkpoint,
            began=self.began,
        )
        trainer = Seq2SeqTrainer(
            model,
            arguments,
            train_dataset=dataset,
            eval_dataset=quick_eval,
            data_collator=batches.collate,
            compute_loss_func=loss,
            compute_metrics=self.evaluator,
            optimizers=(optimizer, None),
            callbacks=[events.callback()],
        )
        trainer.remove_callback(PrinterCallback)
        return trainer, events

    def _arguments(self) -> Seq2SeqTrainingArguments:
        from transformers import Seq2SeqTrainingArguments

        training = self.training
        optimizer, schedule, evaluations = training.optimizer, training.schedule, training.choose
        device = self.device
        try:
            arguments = Seq2SeqTrainingArguments(
                str(self.folder),
                max_steps=schedule.steps,
                per_device_train_batch_size=1,  # an item is a whole batch
                per_device_eval_batch_size=1,
                train_sampling_strategy="sequential",
                remove_unused_columns=False,
                bf16=training.precision == "bfloat16",
                use_cpu=device == "cpu",
                optim=_OPTIMIZERS[optimizer.kind],
                learning_rate=optimizer.lr,
                weight_decay=optimizer.weight_decay,
                max_grad_norm=1.0,
                lr_scheduler_type="warmup_stable_decay",
                lr_scheduler_kwargs={"num_decay_steps": schedule.decay_steps, "decay_type": "linear"},
                warmup_steps=schedule.warmup,
                eval_strategy="steps",
                eval_steps=evaluations.every,
                save_strategy="steps",
                save_steps=evaluations.every,
                predict_with_generate=True,
                metric_for_best_model=self.metric,
                greater_is_better=True,
                logging_steps=training.log_every,
                logging_nan_inf_filter=False,  # a loss that is not finite ends the training, see `_Watch.on_log`
                seed=training.seed,
                data_seed=training.seed,
                dataloader_pin_memory=device == "cuda",
                report_to=[],
                disable_tqdm=True,
                log_level="error",
            )
        except ValueError as error:  # bfloat16 on a GPU that has none
            raise ConfigError(f"{training.name}: cannot be trained on this machine: {error}") from None
        if arguments.n_gpu > 1:  # the Trainer would split one batch over all of them
            raise ConfigError(f"{training.name}: trains on one GPU, here are {arguments.n_gpu}: CUDA_VISIBLE_DEVICES=0")
        return arguments

    def _finished(self, checkpoint: Saved, trainer: Seq2SeqTrainer) -> bool:
        """Return whether the checkpoint is the last of its training; gives the trainer the checkpoint's log."""
        from transformers import TrainerState

        log = TrainerState.load_from_json(str(checkpoint.folder / "trainer_state.json"))
        trainer.state.log_history = log.log_history
        patience = self.training.choose.patience
        return checkpoint.step >= self.training.schedule.steps or choose.exhausted(
            log.log_history, self.metric, patience
        )

    def _train(self, trainer: Seq2SeqTrainer, events: TrainerEvents, checkpoint: Saved | None) -> bool:
        """Train to the end or until `events` stops the session; return whether it is the end.

        Raises `EngineError` where a batch does not fit the memory.
        """
        try:
            if checkpoint is None:
                trainer.train()
            else:
                _log.info(f"{self.training.name}: going on from step {checkpoint.step}")
                with state.whole(checkpoint, self.training.home) as folder:
                    trainer.train(resume_from_checkpoint=str(folder))
        except RuntimeError as error:
            if not any(said in str(error) for said in _NO_MEMORY):
                raise
            raise EngineError(
                f"{self.training.name}: a batch of {self.training.batch_tokens} tokens does not fit the memory of "
                f"{trainer.args.device}: lower `batch_tokens` under another `folder:`"
            ) from error
        return events.reason is None

    def _result(self, trainer: Seq2SeqTrainer, events: TrainerEvents, *, finished: bool, made_of: str) -> Path:
        """Choose the weights and return the folder of the result, whose digest is `made_of`."""
        training = self.training
        every = state.saved(self.folder)
        log: list[dict[str, float]] = list(trainer.state.log_history)
        best = choose.best_evaluated(log, self.metric, {one.step for one in every})
        choice: Choice
        if finished or training.only == "export":
            choice = choose.choose(
                trainer,
                self.evaluator,
                every,
                best=best,
                average=training.choose.average,
                home=training.home,
            )
        else:  # the session is over: no time for the whole dev set
            single = next((one for one in every if one.step == best), every[-1])
            weights = choose.weights_of(single, training.home)
            choice = Choice(weights, f"checkpoint {single.step}", single.step, ())
        result = card.TrainingResult(
            what=choice.what,
            step=events.step,
            whole=finished,
            seconds=events.seconds(),
            parameters=self.parameters,
            device=str(trainer.args.device),
            scores=choice.scores,
            called=self.coder.called.model_copy(
                update={
                    "tone_style": training.tone_style,
                    "with_title": isinstance(training, SummarizeTraining) and training.with_title,
                    "lead": training.lead if isinstance(training, SummarizeTraining) else None,
                }
            ),
            base=self.coder.checkpoint,
        )
        readme = card.model_card(training, self.packed, self.dev.packed, result)
        decay_from, _ = training.schedule.decay_between
        picture = card.curves(log, self.metric, decay_from=decay_from, title=training.name)
        files = {"README.md": readme.encode(), card.CURVES: picture}
        target = modelling.export(training, self.coder, choice.weights, files=files)
        if finished:
            tracked.write(training, result, made_of=made_of, log=log, reported=self.evaluator.reported)
        return target


_RESULT = {"schedule", "choose", "generation", "weights", "card", "shard_mb"}


def _with_precision(
    training: TranslateTraining | SummarizeTraining, device: str
) -> TranslateTraining | SummarizeTraining:
    """Return `training` with what `precision: auto` is on this machine; a GPU without bfloat16 emulates it."""
    import torch

    if training.precision != "auto":
        return training
    fast = torch.cuda.is_bf16_supported(including_emulation=False) if device == "cuda" else cpu_has_fast_bfloat16()
    precision = "bfloat16" if fast else "float32"
    _log.info(f"precision: auto is {precision} on this {'GPU' if device == 'cuda' else 'CPU'}")
    return training.model_copy(update={"precision": precision})


def _require_extra() -> None:
    missing = [name for name in ("accelerate", "matplotlib") if find_spec(name) is None]
    if missing:
        raise UsageError(f"training needs {' and '.join(missing)}: pip install 'tomdich[train]'")


@contextmanager
def _quiet() -> Iterator[None]:
    """Turn transformers' progress bars and log lines off for the block."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]

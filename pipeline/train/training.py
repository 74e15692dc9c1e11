"""A training from its config to its result: transformers' `Seq2SeqTrainer`, started, watched, resumed and ended here.

What is ours is around the Trainer, not in it: batches composed beforehand (`batches`), an optimizer (`optimizer`), a
loss (`guidance`), and one callback that tells progress, ends a stint, ends early, and marks checkpoints as complete.
The schedule is warm-up, stable, decay (Hu et al. 2024): a checkpoint of the stable part is kept, so that a training
whose `steps` are raised later goes on from there. The same config runs on a CPU and on a GPU, in bfloat16 on both.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.checkpoints.device import cores, resolve
from pipeline.errors import ConfigError, EngineError, StoppedError, UsageError
from pipeline.ids import digest
from pipeline.progress import Progress
from pipeline.records import JSON
from pipeline.train import batches, card, choose, modelling, state
from pipeline.train.choose import Choice, Examiner
from pipeline.train.coding import Coder, coder
from pipeline.train.config import SummarizeTraining, TranslateTraining
from pipeline.train.data import Dev, Packed, pack
from pipeline.train.from_scratch.alignment import align
from pipeline.train.from_scratch.guidance import Guide, Loss
from pipeline.train.from_scratch.muon import muon_and_adamw
from pipeline.train.state import Saved
from pipeline.train.watch import Watch, kept

if TYPE_CHECKING:
    from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments

_log = logging.getLogger(__name__)

_NO_MEMORY = ("out of memory", "DefaultCPUAllocator")  # of torch: on CUDA, on a CPU
_BYTES = {"adamw": 12, "adafactor": 5, "muon": 12}  # of a checkpoint, for each parameter: weights and moments
_OPTIMIZERS = {"adamw": "adamw_torch", "adafactor": "adafactor", "muon": "adamw_torch"}  # muon is given ready-made


def run(
    training: TranslateTraining | SummarizeTraining, *, progress: Progress, stopping: Callable[[], str | None]
) -> Path:
    """Return the folder of the trained model; goes on where an earlier call was ended or killed.

    Raises `StoppedError` where the time is over or `stopping` gives a reason: the state is saved, `model/` holds the
    best weights so far, and the same call goes on. Raises `ConfigError` where the folder holds another training,
    `WorldError` where the disk has no room for this one.
    """
    _require_extra()
    with state.on_disk(training.home), state.locked(training.home), _quiet():
        return _Run(training, progress, stopping).run()


class _Run:
    """One stint of a training, under its lock."""

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
        self.coder: Coder = coder(training)
        self.packed, self.dev = self._data()
        if training.only == "pack":
            align(training, self.packed, self.coder, progress=self.progress)
            return training.home / "data"
        identity = self._identity()
        self._same_training(identity)
        checkpoint = self._resumable()
        told = [[source.license, source.note] for source in (*training.data, *training.dev)]  # on the card
        made_of = digest([identity, training.model_dump(mode="json", include=_RESULT), told])
        done = state.read_json(training.home / "result.json")
        target = training.home / state.RESULT
        if done == {"made_of": made_of} and training.only is None and target.is_dir():
            _log.info(f"{training.name}: nothing has changed, {target} is kept")
            return target
        trainer, watch = self._trainer(checkpoint)
        finished = checkpoint is not None and self._finished(checkpoint, trainer)
        if not finished and training.only is None:
            finished = self._train(trainer, watch, checkpoint)
        target = self._result(trainer, watch, finished=finished)
        if finished:
            state.write_json(training.home / "result.json", {"made_of": made_of})
        elif training.only is None:
            raise StoppedError(
                f"{training.name}: {watch.reason} at step {watch.step} of {training.schedule.steps}; {target} holds "
                "the best so far, the same command goes on"
            )
        return target

    def _data(self) -> tuple[Packed, Dev]:
        return pack(self.training, self.coder, progress=self.progress, stopping=self.stopping)

    def _identity(self) -> dict[str, JSON]:
        """Return what the training is made of: config, examples and how often each stands in an epoch, start."""
        repeat: list[JSON] = [source.repeat for source in self.training.data]
        return self.training.identity() | {
            "data": self.packed.key(),
            "repeat": repeat,
            # by its content: the folder may lie elsewhere on another machine
            "tokenizer" if self.coder.checkpoint is None else "init_from": self.coder.digest,
        }

    def _same_training(self, ours: dict[str, JSON]) -> None:
        """Raise `ConfigError` where the folder's checkpoints are of another training; else note what this one is."""
        note = self.training.home / "training.json"
        theirs = state.read_json(note)
        if theirs is not None and theirs != ours and state.saved(self.folder):
            names = [name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)]
            differing = ", ".join(f"`{name}`" for name in names)
            raise ConfigError(
                f"{self.training.home}: holds a training with another {differing}; give another `folder:`, or remove it"
            )
        state.write_json(note, ours)

    def _resumable(self) -> Saved | None:
        """Return the checkpoint to go on from, others out of the way; None at the start.

        Where `steps` or `decay` changed and the rate had begun to fall, that is the last one before it did.
        """
        schedule = self.training.schedule
        for path in state.torn(self.folder):
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

    def _trainer(self, checkpoint: Saved | None) -> tuple[Seq2SeqTrainer, Watch]:
        """Return the Trainer, its model, data and optimizer in place, and its watch."""
        import torch
        from transformers import PrinterCallback, Seq2SeqTrainer

        training = self.training
        torch.set_num_threads(training.threads or min(torch.get_num_threads(), cores()))  # torch knows no quota
        arguments = self._arguments()
        model: Any = modelling.build(training, self.coder)
        model.to(arguments.device)  # before the optimizer is made, as the Trainer asks
        self.parameters = sum(parameter.numel() for parameter in model.parameters())
        size = _BYTES[training.optimizer.kind] * self.parameters
        state.require_room(training.home, checkpoint=size, kept=kept(training) + 3)  # the best, the stable, a new one
        model.generation_config = modelling.looking(training, self.coder)
        guide = None if training.guidance is None else Guide(model, training.guidance)
        loss = Loss(guide, training.smoothing)
        alignment = align(training, self.packed, self.coder, progress=self.progress)
        plan = batches.plan(training, self.packed, repeats=tuple(source.repeat for source in training.data))
        self.examiner = Examiner(training, self.dev, self.coder)
        guided = 0 if training.guidance is None else training.guidance.steps
        dataset: Any = batches.TrainingBatches(self.packed, self.coder, plan, alignment, guided)
        looked: Any = self.examiner.look
        watch = Watch(
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
            eval_dataset=looked,
            data_collator=batches.collate,
            compute_loss_func=loss,
            compute_metrics=self.examiner,
            optimizers=(muon_and_adamw(model, training.optimizer) if training.optimizer.kind == "muon" else None, None),
            callbacks=[watch.callback()],
        )
        trainer.remove_callback(PrinterCallback)
        return trainer, watch

    def _arguments(self) -> Seq2SeqTrainingArguments:
        from transformers import Seq2SeqTrainingArguments

        training = self.training
        optimizer, schedule, looks = training.optimizer, training.schedule, training.choose
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
                eval_steps=looks.every,
                save_strategy="steps",
                save_steps=looks.every,
                predict_with_generate=True,
                metric_for_best_model=self.metric,
                greater_is_better=True,
                logging_steps=training.log_every,
                logging_nan_inf_filter=False,  # a loss that is no number ends the training, see `_Watch.on_log`
                seed=training.seed,
                data_seed=training.seed,
                dataloader_pin_memory=device == "cuda",
                report_to=[],
                disable_tqdm=True,
                log_level="error",
            )
        except ValueError as error:  # bfloat16 on a GPU that has none
            raise ConfigError(f"{training.name}: cannot be trained on this machine: {error}") from None
        if arguments.n_gpu > 1:  # the Trainer would deal one batch out to all of them
            raise ConfigError(f"{training.name}: trains on one GPU, here are {arguments.n_gpu}: CUDA_VISIBLE_DEVICES=0")
        return arguments

    def _finished(self, checkpoint: Saved, trainer: Seq2SeqTrainer) -> bool:
        """Return whether the checkpoint is the last of its training; the trainer's log is then the checkpoint's."""
        from transformers import TrainerState

        log = TrainerState.load_from_json(str(checkpoint.folder / "trainer_state.json"))
        trainer.state.log_history = log.log_history
        patience = self.training.choose.patience
        return checkpoint.step >= self.training.schedule.steps or choose.exhausted(
            log.log_history, self.metric, patience
        )

    def _train(self, trainer: Seq2SeqTrainer, watch: Watch, checkpoint: Saved | None) -> bool:
        """Train to the end or until the watch stops it; return whether it is the end.

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
        return watch.reason is None

    def _result(self, trainer: Seq2SeqTrainer, watch: Watch, *, finished: bool) -> Path:
        """Choose the weights and return the folder of the result."""
        training = self.training
        every = state.saved(self.folder)
        log: list[dict[str, float]] = list(trainer.state.log_history)
        best = choose.best_look(log, self.metric, {one.step for one in every})
        choice: Choice
        if finished or training.only == "export":
            choice = choose.choose(
                trainer,
                self.examiner,
                every,
                best=best,
                average=training.choose.average,
                home=training.home,
            )
        else:  # the stint is over: no time for the whole dev set
            single = next((one for one in every if one.step == best), every[-1])
            weights = choose.weights_of(single, training.home)
            choice = Choice(weights, f"checkpoint {single.step}", single.step, ())
        made = card.Made(
            what=choice.what,
            step=watch.step,
            whole=finished,
            seconds=watch.seconds(),
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
        readme = card.model_card(training, self.packed, self.dev.packed, made)
        decay_from, _ = training.schedule.decay_between
        picture = card.curves(log, self.metric, decay_from=decay_from, title=training.name)
        files = {"README.md": readme.encode(), card.CURVES: picture}
        return modelling.export(training, self.coder, choice.weights, files=files)


_RESULT = {"schedule", "choose", "generation", "weights", "card", "shard_mb"}


def _require_extra() -> None:
    missing = [name for name in ("accelerate", "matplotlib") if find_spec(name) is None]
    if missing:
        raise UsageError(f"training needs {' and '.join(missing)}: pip install 'tomdich[train]'")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' own bars and log lines off the screen for the block."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]

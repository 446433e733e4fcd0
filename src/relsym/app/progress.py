"""The progress bar of a training."""

from __future__ import annotations

from pytorch_lightning import Callback, LightningModule, Trainer

from relsym.data.progress import bar


class TrainingProgress(Callback):
    """One bar over all training steps, with the loss of the last epoch."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar on the first rank."""
        self.bar = bar()
        self.task = self.bar.add_task("training", total=int(trainer.estimated_stepping_batches))
        if trainer.is_global_zero:
            self.bar.start()

    def on_train_batch_end(self, trainer: Trainer, *args: object) -> None:
        """Advance."""
        loss = trainer.callback_metrics.get("train/loss")
        self.bar.update(self.task, advance=1, description="training" if loss is None else f"training, loss {float(loss):.4f}")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close; an early stop leaves the bar where it was."""
        self.bar.stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the terminal back."""
        if hasattr(self, "bar"):
            self.bar.stop()

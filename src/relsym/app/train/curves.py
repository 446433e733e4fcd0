"""What is watched of a training: its curves, and the bar on the terminal."""

from __future__ import annotations

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from relsym.data.progress import bar


class Curves(Callback):
    """Logs the loss of each step and its learning rate, beside the figures of each epoch."""

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *args: object) -> None:
        """Log the learning rate before the schedule moves it on."""
        # The rate is the same for all groups of parameters.
        learning_rate = trainer.optimizers[0].param_groups[0]["lr"]
        pl_module.log("train/learning_rate", learning_rate, on_step=True, on_epoch=False)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: dict[str, Tensor], *args: object
    ) -> None:
        """Log the loss of the global batch, which every rank holds."""
        pl_module.log("train/loss_step", outputs["loss"], on_step=True, on_epoch=False)


class TrainingProgress(Callback):
    """One bar over all training steps, with the loss of the last epoch."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar on the first rank."""
        self.bar = bar()
        self.task = self.bar.add_task("training", total=int(trainer.estimated_stepping_batches))
        if trainer.is_global_zero:
            self.bar.start()

    def on_train_batch_end(self, trainer: Trainer, *args: object) -> None:
        """Move the bar on by one step."""
        loss = trainer.callback_metrics.get("train/loss")
        description = "training"
        if loss is not None:  # there is none before the first epoch has ended
            description = f"training, loss {float(loss):.4f}"
        self.bar.update(self.task, advance=1, description=description)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the bar; an early stop leaves it where it was."""
        self.bar.stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the terminal back."""
        # What goes wrong before the training starts finds no bar.
        if hasattr(self, "bar"):
            self.bar.stop()

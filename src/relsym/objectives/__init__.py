"""Stage 4: one LightningModule per retraining objective."""

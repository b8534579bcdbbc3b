"""Several networks of one form, an ensemble: parameters and activities with members in front."""

"""Studies and predictions on several machines: Ray, object stores."""

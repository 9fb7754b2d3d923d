"""From a trained network to files that an engine on the device runs (:mod:`descale.deploy.export.bundle`)."""

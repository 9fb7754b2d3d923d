"""INT8 after training: calibration, quantizers by engine, and the gate that a quantized network must pass."""

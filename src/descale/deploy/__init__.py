"""Put a trained model on a device: export, quantization, and the stopwatch for models in torch."""

"""Audio between the outside and the models: PCM, resampling, Opus."""

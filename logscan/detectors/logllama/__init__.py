"""LogLLaMA, a file a part: `options`, `language` (the network, next keys), `reinforce`, `detector` (the whole)."""

"""LogLLM: messages through a BERT, a projector, and a Llama that answers (W. Guan et al., "LogLLM: Log-based Anomaly
Detection Using Large Language Models", 2024)."""

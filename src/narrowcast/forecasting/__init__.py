"""The use of a trained model: forecasts of new data, and their errors. It needs no torch."""

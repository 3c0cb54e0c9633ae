"""The owner of the model. `client.py` is the app's side; everything else runs in the child."""

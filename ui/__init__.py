"""The pages: an ASGI app around `chatfeedback.session.Session`. Knows neither SQL nor torch.

Importing this package sets Gradio's switches, which count only before gradio is imported: no
analytics, no hub, no version check; nothing leaves this machine.
"""

import os
import tempfile

from chatfeedback.offline import SWITCHES

for _name, _value in SWITCHES.items():
    os.environ.setdefault(_name, _value)
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Gradio summarises its own queue for a page that is switched off; keep that cheap.
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "100")
_temp = tempfile.TemporaryDirectory(prefix="chatfeedback-")  # not the one that all users share
os.environ.setdefault("GRADIO_TEMP_DIR", _temp.name)

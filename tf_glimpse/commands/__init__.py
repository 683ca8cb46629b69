"""One file a command: `add` says its arguments, `run` what it does. `arguments` holds those that several share; `cli` joins them."""

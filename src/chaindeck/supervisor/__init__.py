"""Which of our processes run, and whether they are well.

It knows commands, pids, ports and health pages, and nothing of what a part does: neither the web's
framework nor a rule of the ledger. Read it in this order:

* `errors`, `limits`: what can go wrong, and the numbers.
* `home`, `settings`, `first_start`: the files, the configuration, and what is made when it is not
  there.
* `parts`: what is to run, as values; `probes` and `identity` tell whether it does, and whether it
  is ours.
* `processes`, `reaper`, `tree`, `listeners`: starting, collecting and ending processes; who holds a
  port.
* `keeper`: one part for as long as it is wanted; `history` says how patiently.
* `supervisor`: all of them in their order; `guard` and `process` around it; `logs` and
  `notifications`.
* `service`, `remote`: the same from another process.
* `doctor`, `systemd`, `payments`: what else the commands need.
"""

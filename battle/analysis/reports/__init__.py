"""Reports: everything a run says, collected once from its log and rendered for people and machines.

`collect` makes a `Report` through the named queries; `layout` arranges it, from `sections`; `markdown`, `html` and
`junit` render it; `files` puts the files into the run directory. A report rebuilt from the log alone is the same.
"""

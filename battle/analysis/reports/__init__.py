"""Reports: everything a run says, collected once from its log and rendered for people and machines.

`facts` collects a `Report` through the named queries; `document` arranges it; `markdown`, `html` and `junit`
render it; `writing` puts the files into the run directory. A report rebuilt from the log alone is the same.
"""

"""A log that is still written: the same steps as for one that is complete, on what has come since the last look.

feed     lines that arrived -> chunks of whole records
judge    chunks             -> evidence, in windows that are still open too
tell     evidence           -> findings, each told once
judges   the two of them for all logs, against what is normal
state    where all of these stand -> a file to go on from after any end
clock    seconds that pass while somebody looks
watch    the loop around them
"""

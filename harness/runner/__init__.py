"""Selection, plan, isolated workers, journal.

A run selects plugins, plans cases, executes each in fresh processes forked from servers that have torch loaded, and writes every finished case to
the store before the next begins. Nothing of a plugin runs in this process except its card.
"""

"""Experiments told apart by content: what they are made of down to the last bit of every tensor, and what differs.

`identity` turns any object into a tree of JSON, `differences` says in words how two trees differ, `claim` keeps the
folder of one experiment from being taken for another's. An object is identified by its class's bare name and its
attributes, never by code or address; one that has attributes which come and go, say counters or caches, states what
stands for it by a method `identified_by`.
"""

from hauberk.identity.claims import claim, objection, stamped
from hauberk.identity.differing import differences, first_few
from hauberk.identity.modules import Structure
from hauberk.identity.walk import identity

__all__ = ["Structure", "claim", "differences", "first_few", "identity", "objection", "stamped"]

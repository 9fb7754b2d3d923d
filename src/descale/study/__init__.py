"""A study: many networks trained, pruned and compared, in restarts and on several machines.

:func:`descale.study.run.open_study` and :func:`~descale.study.run.run_study` run one,
:mod:`descale.report` draws it, :func:`descale.report.pick.pick_from_study` chooses from it. Nothing is
imported here: choosing and reporting need no torch.
"""

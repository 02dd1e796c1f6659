"""Builds the API's replies from what the stores return. Pure."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.model import Address, Event, Frame, Part, Raised
from app.stores.admin.projects import Project
from app.stores.aggregates.kinship import Similar
from app.stores.aggregates.types import GroupRow, Point, ReleaseRow, TimingRow
from app.stores.search.contract import Document, MatchingGroups
from app.web.api import replies
from app.web.formatting import iso
from app.web.queries import FullEvent, UnknownField
from app.web.ruling import ProjectRulesView, template


def project(row: Project, base: str) -> replies.ProjectReply:
    """Return a project with its DSN under the address ``base``."""
    return replies.ProjectReply(
        id=row.id, name=row.name, dsn=row.dsn(base), raygun_key=row.raygun_key, grouping=row.grouping
    )


def group(row: GroupRow, matching: MatchingGroups | None = None) -> replies.GroupReply:
    """Return a group over its range; ``matching`` is what a search found."""
    return replies.GroupReply(
        id=row.id, project=row.project, title=row.title, culprit=row.culprit, type=row.type, level=row.level,
        platform=row.platform, unhandled=row.unhandled, count=row.count, messages=row.messages, users=row.users,
        first_seen=iso(row.first_seen), last_seen=iso(row.last_seen), first_release=row.first_release or None,
        status=row.status, members=row.members, next_release=row.next_release, events_left=row.events_left,
        until=iso(row.until), recent=row.recent, before=row.before, cause=row.cause, handled=row.handled,
        matching=None if matching is None else matching.of(row.members),
    )  # fmt: skip


def group_detail(row: GroupRow, why: Sequence[Part], complete_until: int | None) -> replies.GroupDetail:
    """Return a group with the explanation of its grouping."""
    return replies.GroupDetail(
        **msgspec.structs.asdict(group(row)),
        grouping=row.grouping,
        why=[
            replies.WhyReply(name=part.name, raw=part.raw, value=part.value, counted=part.counted, why=part.why)
            for part in why
        ],
        sample={"event_id": row.sample_event, "address": address(row.sample)},
        complete_until=iso(complete_until),
    )


def similar(link: Similar) -> replies.SimilarGroup:
    """Return a link of a group."""
    return replies.SimilarGroup(
        group=link.other, title=link.title, cause=link.cause, kind=link.kind, by=link.author,
        score=round(link.score, 4), reasons=link.reasons, stage=link.stage, keys=[link.a, link.b],
        decided=iso(link.at),
    )  # fmt: skip


def rules(of: Project, view: ProjectRulesView) -> replies.RulesReply:
    """Return a version of a project's rules."""
    shown = view.shown
    return replies.RulesReply(
        project=of.id,
        grouping=of.grouping,
        version=shown.version,
        newest=view.newest,
        created=_when(shown.created),
        author=shown.author,
        text=shown.body.text,
        explosions=[
            replies.ExplosionReply(signature=rule.signature, type=rule.type, place=rule.top, template=template(rule))
            for rule in shown.body.explosions
        ],
        history=[
            replies.RulesVersionReply(
                version=known.version, created=_when(known.created), author=known.author,
                explosions=len(known.body.explosions),
            )
            for known in view.history
        ],
    )  # fmt: skip


def _when(moment: datetime | None) -> str | None:
    return None if moment is None else iso(round(moment.timestamp() * 1000))


def unknown_fields(unknown: Sequence[UnknownField]) -> list[replies.UnknownFieldReply]:
    """Return the unknown names of a query."""
    return [replies.UnknownFieldReply(field=name.field, message=name.message, similar=name.similar) for name in unknown]


def address(of: Address) -> replies.AddressReply:
    """Return the address of a report."""
    return replies.AddressReply(topic=of.topic, partition=of.partition, offset=of.offset)


def point(window: Point, *, sessions: bool = True) -> replies.PointReply:
    """Return one window. Without ``sessions`` these are null: sessions belong to no group."""
    return replies.PointReply(
        start=iso(window.start * 1000), crashes=window.crashes, unhandled=window.unhandled, not_said=window.not_said,
        messages=window.messages, users=window.users, sessions=window.sessions if sessions else None,
        crashed_sessions=window.crashed_sessions if sessions else None,
        unhandled_sessions=window.unhandled_sessions if sessions else None,
    )  # fmt: skip


def release(row: ReleaseRow) -> replies.ReleaseReply:
    """Return one release."""
    return replies.ReleaseReply(**{**msgspec.structs.asdict(row), "first_seen": iso(row.first_seen)})


def timing(row: TimingRow) -> replies.TimingReply:
    """Return the durations of one name."""
    return replies.TimingReply(**msgspec.structs.asdict(row))


def hit(document: Document, root: str | None = None) -> replies.HitReply:
    """Return one event of a search. ``root`` replaces its group, where that was merged into another."""
    summary = document.summary
    return replies.HitReply(
        event_id=summary.event_id, project=summary.project, group=root or summary.group, title=summary.title,
        culprit=summary.culprit, time=iso(summary.time), received=iso(summary.received), level=summary.level,
        platform=summary.platform, release=summary.release, environment=summary.environment, user=summary.user,
        unhandled=summary.unhandled, server=summary.server, url=summary.url, sdk=summary.sdk, tags=summary.tags,
        address=address(document.address), cause=summary.cause,
    )  # fmt: skip


def event(full: FullEvent) -> replies.EventReply:
    """Return one event in full."""
    event, summary = full.event, full.document.summary
    return replies.EventReply(
        event_id=event.event_id, project=event.project, group=full.group, title=summary.title, culprit=summary.culprit,
        level=event.level, platform=event.platform, release=event.release or None,
        environment=event.environment or None,
        time=iso(event.time), happened=iso(event.happened), sent=iso(event.sent), received=iso(event.received),
        unhandled=event.unhandled, message=event.message, logger=event.logger, transaction=event.transaction,
        server=event.server, url=event.url, fingerprint=event.fingerprint,
        exceptions=[_exception(raised) for raised in event.exceptions],
        threads=_threads(event), user=msgspec.to_builtins(event.user), request=event.request,
        breadcrumbs=_breadcrumbs(event), tags=event.tags, contexts=event.contexts, extra=event.extra,
        modules=event.modules, images=event.images,
        sdk={"name": event.sdk_name, "version": event.sdk_version}, notes=event.notes,
        grouping=full.report.facts.grouping, address=address(full.document.address), cause=summary.cause,
    )  # fmt: skip


def _exception(raised: Raised) -> replies.ExceptionReply:
    return replies.ExceptionReply(
        type=raised.type, value=raised.value, module=raised.module, handled=raised.handled,
        mechanism=raised.mechanism, frames=[_frame(frame) for frame in raised.frames],
        registers=raised.registers,
    )  # fmt: skip


def _frame(frame: Frame) -> replies.FrameReply:
    return replies.FrameReply(
        function=frame.function, module=frame.module, file=frame.file, abs_path=frame.abs_path, line=frame.line,
        column=frame.column, in_app=frame.in_app, source=frame.source, context=frame.context, vars=frame.vars,
        package=frame.package, symbol=frame.symbol, address=frame.address, image=frame.image,
    )  # fmt: skip


def _threads(event: Event) -> list[replies.ThreadReply]:
    return [
        replies.ThreadReply(
            id=thread.id, name=thread.name, crashed=thread.crashed, current=thread.current,
            frames=[_frame(frame) for frame in thread.frames], state=thread.state, registers=thread.registers,
        )
        for thread in event.threads
    ]  # fmt: skip


def _breadcrumbs(event: Event) -> list[replies.BreadcrumbReply]:
    return [
        replies.BreadcrumbReply(
            time=iso(crumb.time), type=crumb.type, category=crumb.category, level=crumb.level, message=crumb.message,
            data=crumb.data,
        )
        for crumb in event.breadcrumbs
    ]  # fmt: skip

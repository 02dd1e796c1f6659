"""Turns what the stores give into what the API says. Pure."""

from collections.abc import Sequence

import msgspec

from app.model import Address, Event, Frame, Part, Raised
from app.records import EventSummary
from app.stores.admin.projects import Project
from app.stores.aggregates.types import GroupRow, Point, ReleaseRow, TimingRow
from app.stores.search.contract import Document
from app.web.api import replies
from app.web.api.timing_replies import TimingReply
from app.web.params import iso


def at(ms: int) -> str:
    """Write a time that is known."""
    return iso(ms) or ""


def project(found: Project, base: str) -> replies.ProjectReply:
    """Show a project with the addresses that its SDKs need."""
    return replies.ProjectReply(found.id, found.name, found.dsn(base), found.raygun_key)


def group(row: GroupRow) -> replies.GroupReply:
    """Show a group over its range."""
    return replies.GroupReply(
        id=row.id, project=row.project, title=row.title, culprit=row.culprit, type=row.type, level=row.level,
        platform=row.platform, unhandled=row.unhandled, count=row.count, messages=row.messages, users=row.users,
        first_seen=at(row.first_seen), last_seen=at(row.last_seen), first_release=row.first_release or None,
        status=row.status, members=row.members, next_release=row.next_release, events_left=row.events_left,
        until=iso(row.until), recent=row.recent, before=row.before,
    )  # fmt: skip


def detail(row: GroupRow, why: Sequence[Part], complete: int | None) -> replies.GroupDetail:
    """Show a group with why it grouped."""
    return replies.GroupDetail(
        **msgspec.structs.asdict(group(row)),
        grouping=row.grouping,
        why=[replies.WhyReply(part.name, part.raw, part.value, part.counted, part.why) for part in why],
        sample={"event_id": row.sample_event, "address": address(row.sample)},
        complete_until=iso(complete),
    )


def address(found: Address) -> replies.AddressReply:
    """Show where a report is."""
    return replies.AddressReply(found.topic, found.partition, found.offset)


def point(found: Point, *, sessions: bool = True) -> replies.PointReply:
    """Show one window; sessions are unknown, not 0, where a group was asked for."""
    return replies.PointReply(
        start=at(found.start * 1000), crashes=found.crashes, unhandled=found.unhandled, messages=found.messages,
        users=found.users, sessions=found.sessions if sessions else None,
        crashed_sessions=found.crashed_sessions if sessions else None,
    )  # fmt: skip


def release(row: ReleaseRow) -> replies.ReleaseReply:
    """Show one release."""
    values = msgspec.structs.asdict(row)
    return replies.ReleaseReply(**{**values, "first_seen": at(row.first_seen)})


def timing(row: TimingRow) -> TimingReply:
    """Show how long one thing took."""
    return TimingReply(**msgspec.structs.asdict(row))


def hit(document: Document, root: str | None = None) -> replies.HitReply:
    """Show one found event; ``root`` is the group it is merged into, where it is."""
    found: EventSummary = document.summary
    return replies.HitReply(
        event_id=found.event_id, project=found.project, group=root or found.group, title=found.title,
        culprit=found.culprit, time=at(found.time), received=at(found.received), level=found.level,
        platform=found.platform, release=found.release, environment=found.environment, user=found.user,
        unhandled=found.unhandled, server=found.server, url=found.url, sdk=found.sdk, tags=found.tags,
        address=address(document.address),
    )  # fmt: skip


def frame(found: Frame) -> replies.FrameReply:
    """Show one frame."""
    return replies.FrameReply(
        function=found.function, module=found.module, file=found.file, abs_path=found.abs_path, line=found.line,
        column=found.column, in_app=found.in_app, source=found.source, context=found.context, vars=found.vars,
    )  # fmt: skip


def raised(found: Raised) -> replies.ExceptionReply:
    """Show one exception."""
    return replies.ExceptionReply(
        found.type, found.value, found.module, found.handled, found.mechanism, [frame(item) for item in found.frames]
    )


def event(full: Event, document: Document, root: str) -> replies.EventReply:
    """Show the full picture."""
    found = document.summary
    return replies.EventReply(
        event_id=full.event_id, project=full.project, group=root, title=found.title, culprit=found.culprit,
        level=full.level, platform=full.platform, release=full.release or None, environment=full.environment or None,
        time=at(full.time), happened=iso(full.happened), sent=iso(full.sent), received=at(full.received),
        unhandled=full.unhandled, message=full.message, logger=full.logger, transaction=full.transaction,
        server=full.server, url=full.url, fingerprint=full.fingerprint,
        exceptions=[raised(item) for item in full.exceptions],
        threads=[
            replies.ThreadReply(item.id, item.name, item.crashed, item.current, [frame(one) for one in item.frames])
            for item in full.threads
        ],
        user=msgspec.to_builtins(full.user), request=full.request,
        breadcrumbs=[
            replies.CrumbReply(iso(item.time), item.type, item.category, item.level, item.message, item.data)
            for item in full.breadcrumbs
        ],
        tags=full.tags, contexts=full.contexts, extra=full.extra, modules=full.modules,
        sdk={"name": full.sdk_name, "version": full.sdk_version}, notes=full.notes, grouping="g1",
        address=address(document.address),
    )  # fmt: skip

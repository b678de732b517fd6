"""An install that runs: pages, tasks, statistics, switches, a collector that is away."""

import time

import pytest
from live import POOLS

OLD = "allianceauth.analytics.tasks."
SWITCHES = {"send_stats": "stats", "send_celery_tasks": "tasks", "send_page_views": "pages"}


def arrived(live, task):
    """Events of a task, once there are any."""
    found = [event for event in live.google.tasks() if event["task"] == task]
    return [(e["namespace"], e["result"], e["label"], e.get("value")) for e in found]


def test_the_documented_page_has_the_three_switches_and_the_panels(live):
    page = live.page(live.token_page)
    assert page.status_code == 200
    for name in ("send_stats", "send_celery_tasks", "send_page_views"):
        assert f'name="{name}"' in page.text
    for words in ("Delivery status", "What would be sent now", "What left in the last 24 hours", "Stop everything"):
        assert words in page.text
    assert live.page("/admin/analytics/analyticstokens/").status_code == 200


def test_fault_10_the_identifier_page_loads(live):
    assert live.page("/admin/analytics/analyticsidentifier/").status_code in (200, 302)
    assert live.page("/admin/analytics/analyticsidentifier/1/change/").status_code in (200, 302)


def test_fault_3_page_views_are_back_in_two_languages(live):
    live.google.clear()
    assert live.visit("/dashboard/") == 200
    assert live.visit("/probe/words/", "de") == 200
    assert live.visit("/probe/untitled/?secret=1") == 200
    assert live.visit("/probe/stream/") == 200
    live.eventually("four page views", lambda: len(live.google.pages()) >= 4)
    pages = sorted((path.replace("slug:", ""), *rest) for path, *rest in live.google.pages())
    assert pages == [
        ("/dashboard/", "Dashboard", "en"),
        ("/probe/<kind>/", "", "en"),
        ("/probe/<kind>/", "", "en"),
        ("/probe/<kind>/", "\u00dcberblick & \u65e5\u672c", "de"),
    ]


def test_fault_20_only_pages_are_page_views(live):
    live.google.clear()
    for path in ("/", "/probe/json/", "/wp-login.php", "/probe/boom/", "/admin/", "/user_notifications_count/1/"):
        live.visit(path)
    live.visit("/dashboard/")
    live.eventually("the page", lambda: live.google.pages())
    time.sleep(0.5)
    assert live.google.pages() == [("/dashboard/", "Dashboard", "en")]


def test_an_ignored_path_is_a_pattern_of_the_router_or_what_was_opened(live):
    if live.project.install.is_three:
        live.project.sql(
            "INSERT INTO analytics_analyticspath (ignore_path) VALUES ('^/probe/plain/');"
            "INSERT INTO analytics_analyticstokens_ignore_paths (analyticstokens_id, analyticspath_id)"
            " SELECT 1, MAX(id) FROM analytics_analyticspath"
        )
    else:
        live.save(live.token_page, ignore_paths="^/admin/\n^/user_notifications_count/\n^/probe/plain/")
    time.sleep(2)
    live.google.clear()
    for kind in ("plain", "untitled", "plain"):
        live.visit(f"/probe/{kind}/")
    live.visit("/dashboard/")
    live.eventually("the page", lambda: len(live.google.pages()) >= 2)
    time.sleep(0.5)
    assert sorted(path.replace("slug:", "") for path, *_ in live.google.pages()) == ["/dashboard/", "/probe/<kind>/"]


@pytest.mark.parametrize("pool", POOLS)
def test_faults_3_and_23_task_events_are_back_with_every_kind_of_end(live, pool):
    live.google.clear()
    for name in ("int", "none", "bool", "fail", "retry", "event"):
        keywords = {"namespace": "probe", "task": "by_add_on", "result": "success"} if name == "event" else {}
        live.run_task(f"probe.tasks.probe_{name}", pool, **keywords)
    live.run_task("custom.name.without.module", pool)
    live.eventually("all ends", lambda: len(live.google.tasks()) >= 9)
    time.sleep(0.5)
    seen = {(e["namespace"], e["task"], e["result"], e.get("value")) for e in live.google.tasks()}
    assert seen == {
        ("probe", "probe_int", "Success", 42),
        ("probe", "probe_none", "Success", None),
        ("probe", "probe_bool", "Success", 1),
        ("probe", "probe_fail", "ProbeError", None),
        ("probe", "probe_retry", "Retry", None),
        ("probe", "probe_retry", "Success", 7),
        ("probe", "probe_named", "Success", 1),
        ("probe", "probe_event", "Success", None),
        ("probe", "by_add_on", "success", 1),
    }
    assert "hunter2" not in str(live.google.requests)


def test_faults_7_and_8_both_types_and_both_shapes_of_the_call_arrive(live):
    live.google.clear()
    shape = {"namespace": "metenox.analytics", "task": "send_daily_stats", "event_type": "Stats"}
    live.run_task("probe.tasks.probe_event", **shape, label="moons", value=12)
    live.run_task("probe.tasks.probe_event", category="app", action="act", label="KeyError", value=5)
    live.run_task("probe.tasks.probe_event", namespace="app", task="fault_7", label="default type is no loss")
    assert live.visit("/probe/event/") == 200
    for task in ("send_daily_stats", "act", "fault_7", "clicked"):
        live.eventually(task, lambda task=task: arrived(live, task))
    is_three = live.project.install.is_three
    stat = [(e["label"] or e["result"], e["value"]) for e in live.google.tasks() if e["task"] == "send_daily_stats"]
    assert stat == [("moons", 12)]
    assert arrived(live, "act") == [("app", "KeyError", "", 5)]
    assert arrived(live, "fault_7")[0][0] == "app"
    assert is_three or arrived(live, "clicked") == [("probe", "", "button", 2)]


def test_fault_25_messages_queued_by_the_original_are_recorded_once(live):
    live.google.clear()
    token = live.token["token"]
    if live.project.install.is_three:
        name = "tracking_id"
        message = {name: token, "client_id": "c", "category": "old", "action": "queued", "label": "Success"}
        live.run_task(OLD + "send_ga_tracking_celery_event", **message, value=3)
        page = {"page": "/old/", "title": "Old", "locale": "en", "useragent": "x"}
        live.run_task(OLD + "send_ga_tracking_web_view", tracking_id=token, client_id="c", **page)
        live.eventually("the page", lambda: ("/old/", "Old", "en") in live.google.pages())
    else:
        name = "measurement_id"
        message = {name: token, "secret": "s", "namespace": "old", "task": "queued", "result": "Success"}
        live.run_task(OLD + "send_ga_tracking_celery_event", **message, label="", value=3)
    live.eventually("the event", lambda: arrived(live, "queued"))
    live.run_task(OLD + "send_ga_tracking_celery_event", **{**message, name: "GONE", "value": 9})
    time.sleep(0.5)
    assert [event[3] for event in arrived(live, "queued")] == [3]
    assert not arrived(live, "send_ga_tracking_celery_event"), "fault 25: the module's own tasks are no events"


def test_fault_9_daily_statistics_by_beat_name_community_apps_only(live):
    live.google.clear()
    beat = live.project.beat()
    live.eventually("the report", lambda: len(arrived(live, "send_install_stats")) >= 5)
    beat.stop()
    told = {(e["label"] or e["result"]): e["value"] for e in live.google.tasks() if e["task"] == "send_install_stats"}
    apps = {e["label"] or e["result"] for e in live.google.tasks() if e["task"] == "send_extension_stats"}
    assert (told["users"], told["tokens"], told["existence"]) == (2, 0, 1)
    assert "existence_baremetal" in told
    assert apps == {"probe"}, "fault 9: Alliance Auth's own apps are no extensions"


def test_google_gets_the_wire_form_and_the_id_of_the_original(live):
    live.google.clear()
    live.run_task("probe.tasks.probe_int")
    live.eventually("the event", lambda: arrived(live, "probe_int"))
    (row,) = live.project.sql("SELECT identifier FROM analytics_analyticsidentifier")
    # MariaDB has a type for it, and shows it with dashes.
    identifier = str(row["identifier"]).replace("-", "")
    token = live.token
    if live.project.install.is_three:
        (hit,) = live.google.hits()
        form = {"v": "1", "tid": token["token"], "cid": identifier, "t": "event", "aip": "1", "an": "allianceauth"}
        form |= {"av": "3.8.1", "ec": "probe", "ea": "probe_int", "el": "Success", "ev": "42"}
        assert form.items() <= hit.items()
    else:
        (event,) = live.google.events()
        form = {"client_id": identifier, "version": live.project.install.version, "measurement_id": token["token"]}
        assert (form | {"api_secret": token["secret"], "name": "celery_event"}).items() <= event.items()


@pytest.mark.parametrize("name", SWITCHES)
def test_each_switch_acts_alone_in_every_process_within_two_seconds(live, name):
    live.save(live.token_page, **{name: None})
    time.sleep(2)
    rest = [feed for feed in SWITCHES.values() if feed != SWITCHES[name]]
    told = live.wanted()
    assert len(told) >= 5 and all(wanted == rest for wanted in told.values()), told
    live.google.clear()
    for pool in POOLS:
        live.run_task("probe.tasks.probe_int", pool)
    live.run_task(OLD + "analytics_daily_stats")
    for _ in range(4):
        live.visit("/dashboard/")
    came = {
        "send_stats": lambda: arrived(live, "send_install_stats"),
        "send_celery_tasks": lambda: arrived(live, "probe_int"),
        "send_page_views": live.google.pages,
    }
    switched_off = came.pop(name)
    for feed, look in came.items():
        live.eventually(feed, look)
    time.sleep(0.5)
    assert switched_off() == []
    live.save(live.token_page, **{name: "on"})
    time.sleep(2)
    told = live.wanted()
    assert all(wanted == list(SWITCHES.values()) for wanted in told.values()), told


def test_faults_12_13_and_24_a_collector_that_is_away_gets_everything_once_when_it_is_back(live):
    live.google.clear()
    live.google.status = 503
    for number in range(5):
        live.run_task("probe.tasks.probe_int", number=number)
    live.eventually("a try", lambda: live.google.requests)
    live.google.clear()
    live.google.status = None
    live.project.manage("headcount", "flush", check=False)
    live.eventually("all five", lambda: len(arrived(live, "probe_int")) >= 5, 60)
    time.sleep(1)
    assert sorted(event[3] for event in arrived(live, "probe_int")) == [0, 1, 2, 3, 4]
    log = "".join(service.text() for service in live.project.running)
    assert "headcount/django" not in log and "headcount/allianceauth" not in log, "fault 24: a clean log"


def test_the_stop_button_stops_everything(live):
    live.press("/admin/analytics/analyticstokens/1/stop/")
    time.sleep(2)
    live.google.clear()
    live.visit("/dashboard/")
    live.run_task("probe.tasks.probe_int")
    live.run_task(OLD + "analytics_daily_stats")
    time.sleep(2)
    assert live.google.requests == []
    live.press("/admin/analytics/analyticstokens/1/resume/")
    time.sleep(2)
    live.run_task("probe.tasks.probe_int")
    live.eventually("the task", lambda: arrived(live, "probe_int"))


def test_two_tokens_of_different_types_at_once(live, collector):
    name = f"own {live.name}"
    number = live.add_collector(collector, name)
    (row,) = live.project.sql(f"SELECT * FROM analytics_analyticstokens WHERE id = {number}")
    switches = [value for column, value in row.items() if column.startswith("send_")]
    assert row["type"] == "GA-U" and not any(switches), "what the original would do with it is nothing"
    time.sleep(2)
    live.google.clear()
    live.run_task("probe.tasks.probe_int", number=11)
    live.run_task(OLD + "analytics_daily_stats")
    live.visit("/dashboard/")
    live.eventually("the task at Google", lambda: arrived(live, "probe_int"))
    live.eventually("the page at Google", lambda: live.google.pages())

    def told():
        tasks = collector.report(name, "tasks")
        pages = collector.report(name, "pages")
        apps = collector.report(name, "apps")
        return tasks and pages and apps and (tasks, pages, apps)

    tasks, pages, apps = live.eventually("the reports", told)
    assert [(row["namespace"], row["task"], row["runs"]) for row in tasks] == [("probe", "probe_int", 1)]
    assert [(row["path"], row["views"]) for row in pages] == [("/dashboard/", 1)]
    assert [row["app"] for row in apps] == ["probe"]
    assert f"/admin/analytics/analyticstokens/{number}/change/" in live.page("/admin/analytics/analyticstokens/").text

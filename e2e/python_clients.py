"""PyPI clients, unmodified but for their host, send hits: python_clients.py CLIENT URL PROJECT-JSON.

The assertions stand in python-clients.test.mjs; this program only sends.
"""

import datetime
import json
import sys

INSTALLS = [f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3)]


def ga4mp_gtag(url, project):
    """Page views, task events in two requests (25 a request), a postponed and a backdated event."""
    from ga4mp import GtagMP

    client = GtagMP(project["api_secret"], project["measurement_id"], INSTALLS[0])
    client._base_domain = f"{url}/mp/collect"
    client._validation_domain = f"{url}/debug/mp/collect"
    client.store.set_user_property("app_version", "5.4.1")

    page = client.create_new_event("page_view")
    page.set_event_param("page_title", "Hällo & bye")
    page.set_event_param("page_location", "https://example.com/mail/inbox?folder=1")
    client.send([page])

    def run(result, value):
        event = client.create_new_event("celery_event")
        for name, text in (("namespace", "killtracker"), ("task", "run"), ("result", result), ("value", value)):
            event.set_event_param(name, text)
        return event

    client.send([run("Success" if n % 3 else "HTTPError", n) for n in range(30)])
    client.send([run("Success", 5)], validation_hit=True)
    client.send([run("Success", 7)], postpone=True)
    client.send([run("Success", 8)], postpone=True)
    client.postponed_send()
    client.send([run("Success", 9)], date=datetime.datetime.now() - datetime.timedelta(minutes=1))


def ga4mp_firebase(url, project):
    """An app stream: app instance id instead of client id."""
    from ga4mp import FirebaseMP

    client = FirebaseMP(project["api_secret"], project["measurement_id"], "0123456789abcdef0123456789abcdef")
    client._base_domain = f"{url}/mp/collect"
    screen = client.create_new_event("screen_view")
    screen.set_event_param("screen_name", "Home")
    client.send([screen])


def google_measurement_protocol(url, project):
    """Page views, events, a transaction with an item, an enhanced purchase."""
    import google_measurement_protocol as gmp
    from google_measurement_protocol import report
    from prices import Money

    sys.modules["google_measurement_protocol.report"].TRACKING_URI = f"{url}/collect"

    def send(payloads, install, **extra):
        for response in report(project["tracking_id"], install, payloads, **extra):
            assert response.status_code == 200, response.status_code
            assert response.headers["content-type"] == "image/gif", response.headers

    firefox = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    send(gmp.pageview(path="/käse/", title="Käse", language="de-DE"), INSTALLS[0], extra_headers=firefox)
    send(gmp.pageview(location="https://example.com/other/?q=1", title="Other"), INSTALLS[1], extra_headers=firefox)
    send(gmp.event("fleets", "close", "Success", 12), INSTALLS[0])
    send(gmp.event("fleets", "close", "LookupError", 1), INSTALLS[1])
    item = gmp.item("Shoe", Money(19, "USD"), quantity=2, item_id="SKU-1")
    send(gmp.transaction("T-1", [item], Money(38, "USD")), INSTALLS[2])


def universal_analytics(url, project):
    """Hits one by one and 25 in batches of 20, with queue times."""
    from universal_analytics import HTTPBatchRequest, HTTPRequest, Tracker

    HTTPRequest.endpoint = f"{url}/collect"
    HTTPBatchRequest.endpoint = f"{url}/batch"
    with HTTPRequest() as http:
        tracker = Tracker(project["tracking_id"], http, client_id=INSTALLS[0])
        tracker.send("pageview", path="/start/", title="Start + more")
        tracker.send("exception", exDescription="MemoryError", exFatal=1)
        tracker.send("timing", "sync", "pull", "250", "all")
    with HTTPBatchRequest() as http:
        tracker = Tracker(project["tracking_id"], http, client_id=INSTALLS[1])
        tracker.set("appVersion", "3.2.1")
        for number in range(25):
            tracker.send("event", "srp", "pay", "Success", number, hitage=5)


CLIENTS = {
    client.__name__: client
    for client in (ga4mp_gtag, ga4mp_firebase, google_measurement_protocol, universal_analytics)
}

if __name__ == "__main__":
    name, url, project = sys.argv[1:]
    CLIENTS[name](url, json.loads(project))

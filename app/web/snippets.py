"""Code that sends a first crash: one snippet for each SDK, filled in with a project's keys."""

from typing import NamedTuple
from urllib.parse import urlsplit


class Snippet(NamedTuple):
    """The code for one SDK of one language."""

    language: str
    sdk: str
    install: str
    code: str


def snippets(dsn: str, base: str, raygun_key: str) -> list[Snippet]:
    """Return the snippets of one project: grouped by language, the Sentry SDK first."""
    parts = urlsplit(base)
    fill = {"DSN": dsn, "BASE": base, "KEY": raygun_key, "SCHEME": parts.scheme, "HOST": parts.netloc}
    filled = []
    for snippet in _ALL:
        code = snippet.code.strip("\n")
        for name, value in fill.items():
            code = code.replace(f"%{name}%", value)
        filled.append(snippet._replace(code=code))
    return filled


_ALL = (
    Snippet("Python", "Sentry", "pip install sentry-sdk", """
import sentry_sdk

sentry_sdk.init(dsn="%DSN%", release="shop@1.0.0", environment="production")

1 / 0
"""),
    Snippet("Python", "Raygun", "pip install raygun4py", """
from raygun4py.raygunprovider import RaygunSender

RaygunSender.endpointprotocol = "%SCHEME%://"
RaygunSender.endpointhost = "%HOST%"

client = RaygunSender("%KEY%")
client.set_version("1.0.0")
try:
    1 / 0
except ZeroDivisionError:
    client.send_exception()
"""),
    Snippet("Node", "Sentry", "npm install @sentry/node", """
const Sentry = require("@sentry/node");

Sentry.init({ dsn: "%DSN%", release: "shop@1.0.0", environment: "production" });

throw new Error("hello from Node");
"""),
    Snippet("Node", "Raygun", "npm install raygun", """
const raygun = require("raygun");

const { hostname, port, protocol } = new URL("%BASE%");
const client = new raygun.Client().init({
  apiKey: "%KEY%",
  host: hostname,
  port: Number(port) || (protocol === "https:" ? 443 : 80),
  useSSL: protocol === "https:",
});
client.setVersion("1.0.0");
client.send(new Error("hello from Node"));
"""),
    Snippet("Browser", "Sentry", "npm install @sentry/browser", """
import * as Sentry from "@sentry/browser";

Sentry.init({ dsn: "%DSN%", release: "shop@1.0.0", environment: "production" });

setTimeout(() => { throw new Error("hello from the browser"); });
"""),
    Snippet("Browser", "Raygun", "npm install raygun4js", """
import rg4js from "raygun4js";

rg4js("options", { apiEndpoint: "%BASE%", allowInsecureSubmissions: true });
rg4js("apiKey", "%KEY%");
rg4js("setVersion", "1.0.0");
rg4js("enableCrashReporting", true);

setTimeout(() => { throw new Error("hello from the browser"); });
"""),
    Snippet("Java", "Sentry", "implementation 'io.sentry:sentry:8.+'", """
import io.sentry.Sentry;

Sentry.init(options -> {
  options.setDsn("%DSN%");
  options.setRelease("shop@1.0.0");
});
Sentry.captureException(new IllegalStateException("hello from Java"));
"""),
    Snippet("Go", "Sentry", "go get github.com/getsentry/sentry-go", """
err := sentry.Init(sentry.ClientOptions{
    Dsn:     "%DSN%",
    Release: "shop@1.0.0",
})
if err != nil { log.Fatal(err) }
defer sentry.Flush(2 * time.Second)
sentry.CaptureException(errors.New("hello from Go"))
"""),
    Snippet(".NET", "Sentry", "dotnet add package Sentry", """
using Sentry;

using var _ = SentrySdk.Init(options => {
    options.Dsn = "%DSN%";
    options.Release = "shop@1.0.0";
});
throw new InvalidOperationException("hello from .NET");
"""),
    Snippet(".NET", "Raygun", "dotnet add package Mindscape.Raygun4Net.NetCore", """
using Mindscape.Raygun4Net;

var client = new RaygunClient(new RaygunSettings {
    ApiKey = "%KEY%",
    ApiEndpoint = new Uri("%BASE%/entries"),
});
await client.SendInBackground(new InvalidOperationException("hello from .NET"));
"""),
    Snippet("Ruby", "Sentry", "gem install sentry-ruby", """
require "sentry-ruby"

Sentry.init do |config|
  config.dsn = "%DSN%"
  config.release = "shop@1.0.0"
end
Sentry.capture_exception(RuntimeError.new("hello from Ruby"))
"""),
    Snippet("Ruby", "Raygun", "gem install raygun4ruby", """
require "raygun4ruby"

Raygun.setup do |config|
  config.api_key = "%KEY%"
  config.api_url = "%BASE%"
end
Raygun.track_exception(RuntimeError.new("hello from Ruby"))
"""),
    Snippet("Django", "Sentry", "pip install sentry-sdk", """
# settings.py
import sentry_sdk

sentry_sdk.init(dsn="%DSN%", release="shop@1.0.0", environment="production", send_default_pii=True)

# urls.py
path("crash/", lambda request: 1 / 0)
"""),
    Snippet("FastAPI", "Sentry", "pip install 'sentry-sdk[fastapi]'", """
import sentry_sdk
from fastapi import FastAPI

sentry_sdk.init(dsn="%DSN%", release="shop@1.0.0", environment="production")
app = FastAPI()

@app.get("/crash")
async def crash():
    return 1 / 0
"""),
    Snippet("Next.js", "Sentry", "npm install @sentry/nextjs", """
// instrumentation-client.ts, and the same call in sentry.server.config.ts
import * as Sentry from "@sentry/nextjs";

Sentry.init({ dsn: "%DSN%", release: "shop@1.0.0", environment: "production" });

// app/crash/page.tsx
"use client";
export default function Crash() {
  return <button onClick={() => { throw new Error("hello from Next.js"); }}>Crash</button>;
}
"""),
    Snippet("Laravel", "Sentry", "composer require sentry/sentry-laravel", """
// .env
SENTRY_LARAVEL_DSN=%DSN%
SENTRY_RELEASE=shop@1.0.0

// bootstrap/app.php
->withExceptions(function (Exceptions $exceptions) {
    \\Sentry\\Laravel\\Integration::handles($exceptions);
})

// routes/web.php
Route::get('/crash', fn () => throw new RuntimeException('hello from Laravel'));
"""),
    Snippet("Rails", "Sentry", "bundle add sentry-ruby sentry-rails", """
# config/initializers/sentry.rb
Sentry.init do |config|
  config.dsn = "%DSN%"
  config.release = "shop@1.0.0"
  config.breadcrumbs_logger = [:active_support_logger, :http_logger]
end

# config/routes.rb
get "crash", to: ->(_env) { raise "hello from Rails" }
"""),
    Snippet("Flutter", "Sentry", "flutter pub add sentry_flutter", """
import 'package:flutter/widgets.dart';
import 'package:sentry_flutter/sentry_flutter.dart';

Future<void> main() => SentryFlutter.init(
  (options) {
    options.dsn = '%DSN%';
    options.release = 'shop@1.0.0';
  },
  appRunner: () {
    runApp(const Placeholder());
    throw StateError('hello from Flutter');
  },
);
"""),
    Snippet("Android", "Sentry", "implementation 'io.sentry:sentry-android:8.+'", """
<!-- AndroidManifest.xml, in <application>; http:// addresses need android:usesCleartextTraffic="true" -->
<meta-data android:name="io.sentry.dsn" android:value="%DSN%" />
<meta-data android:name="io.sentry.release" android:value="shop@1.0.0" />

// MainActivity.kt
import io.sentry.Sentry

Sentry.captureException(IllegalStateException("hello from Android"))
"""),
    Snippet("Android", "Raygun", "implementation 'com.raygun:raygun4android:5.+'", """
import com.raygun.raygun4android.RaygunClient

RaygunClient.init(application, "%KEY%", "1.0.0")
RaygunClient.setCustomCrashReportingEndpoint("%BASE%/entries")
RaygunClient.setCustomRUMEndpoint("%BASE%/events")
RaygunClient.enableCrashReporting()
RaygunClient.send(IllegalStateException("hello from Android"))
"""),
    Snippet("iOS", "Sentry", "https://github.com/getsentry/sentry-cocoa (Swift package)", """
import Sentry

// http:// addresses need NSAllowsLocalNetworking, or an exception, in Info.plist
SentrySDK.start { options in
    options.dsn = "%DSN%"
    options.releaseName = "shop@1.0.0"
}
SentrySDK.capture(message: "hello from iOS")
"""),
)  # fmt: skip

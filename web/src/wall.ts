// The wall: runs before anything else of the page, and closes what the policy cannot.
//
// A Content-Security-Policy does not govern WebRTC, and a link may still navigate. So every constructor that opens a connection by
// itself is taken away, here and in every window that a script could reach through a child frame, and activation of a link or a form is
// stopped before it begins. What remains (hints and navigation that a script of this very build would have to ask for) is said in the README
// and on the page; evidence is never script.

/** Constructors that open a connection outside the policy's reach. */
const CONNECTORS = [
  "RTCPeerConnection",
  "webkitRTCPeerConnection",
  "mozRTCPeerConnection",
  "RTCIceTransport",
  "RTCDtlsTransport",
  "RTCSctpTransport",
  "RTCDataChannel",
  "RTCQuicTransport",
  "WebTransport",
  "PresentationRequest",
  "PaymentRequest",
  "RemotePlayback",
  "BackgroundFetchManager",
] as const;

const closed = new WeakSet();

/** Takes the connectors from a window for good. */
function close(target: object): void {
  if (closed.has(target)) return;
  closed.add(target);
  for (const name of CONNECTORS) {
    try {
      Reflect.deleteProperty(target, name);
      Object.defineProperty(target, name, { value: undefined, writable: false, configurable: false, enumerable: false });
    } catch {
      // A window of another origin has nothing to take.
    }
  }
}

/** A fresh child window has its own constructors: every way to one leads past `close` first. */
function closeWindowsOf(prototype: object, property: "contentWindow" | "contentDocument"): void {
  const described = Object.getOwnPropertyDescriptor(prototype, property);
  const get: unknown = described === undefined ? undefined : Reflect.get(described, "get");
  if (typeof get !== "function") return;
  Object.defineProperty(prototype, property, {
    ...described,
    configurable: false,
    get(this: unknown): unknown {
      const found: unknown = Reflect.apply(get as () => unknown, this, []);
      const inner = property === "contentDocument" ? (found as Document | null)?.defaultView : (found as Window | null);
      if (inner != null) close(inner);
      return found;
    },
  });
}

/** `window[0]` and `frames` reach a child without asking its element: close it as soon as it is in the tree. */
function closeFramesAsTheyCome(): void {
  const closeAll = (): void => {
    for (let at = 0; at < window.length; at += 1) {
      const child = (window as unknown as Record<number, Window | undefined>)[at];
      if (child !== undefined) close(child);
    }
  };
  type Inserter = (...nodes: unknown[]) => unknown;
  const guard = (prototype: object, names: readonly string[]): void => {
    for (const name of names) {
      const original: unknown = Reflect.get(prototype, name);
      if (typeof original !== "function") continue;
      Object.defineProperty(prototype, name, {
        configurable: false,
        writable: false,
        value(this: unknown, ...nodes: unknown[]): unknown {
          const answer = (original as Inserter).apply(this, nodes);
          if (window.length > 0) closeAll();
          return answer;
        },
      });
    }
  };
  guard(Node.prototype, ["appendChild", "insertBefore", "replaceChild"]);
  guard(Element.prototype, ["append", "prepend", "replaceChildren", "before", "after", "replaceWith", "insertAdjacentElement", "insertAdjacentHTML"]);
  guard(Document.prototype, ["append", "prepend", "replaceChildren", "write", "writeln", "open"]);
  guard(Range.prototype, ["insertNode", "surroundContents"]);
  new MutationObserver(closeAll).observe(document, { childList: true, subtree: true });
}

/** Links lead nowhere but within the page and to downloads that the outtake made. */
function allowed(link: HTMLAnchorElement | SVGAElement | HTMLAreaElement): boolean {
  const target = link.getAttribute("href") ?? link.getAttribute("xlink:href") ?? "";
  return target.startsWith("#") || (target.startsWith("blob:") && link.hasAttribute("download"));
}

function guardActivation(event: Event): void {
  for (const step of event.composedPath()) {
    if (step instanceof HTMLAnchorElement || step instanceof SVGAElement || step instanceof HTMLAreaElement) {
      if (!allowed(step)) {
        event.preventDefault();
        event.stopImmediatePropagation();
      }
      return;
    }
  }
}

function guardForm(event: Event): void {
  event.preventDefault();
  event.stopImmediatePropagation();
}

close(window);
closeWindowsOf(HTMLIFrameElement.prototype, "contentWindow");
closeWindowsOf(HTMLIFrameElement.prototype, "contentDocument");
closeWindowsOf(HTMLObjectElement.prototype, "contentWindow");
closeWindowsOf(HTMLObjectElement.prototype, "contentDocument");
closeFramesAsTheyCome();
Object.defineProperty(window, "open", { value: () => null, writable: false, configurable: false });
for (const kind of ["click", "auxclick", "dragstart"]) window.addEventListener(kind, guardActivation, { capture: true });
window.addEventListener("submit", guardForm, { capture: true });

export {};

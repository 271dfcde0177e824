// The one Trusted Types policy: it makes blob: worker addresses and nothing else.

const factory = (globalThis as { trustedTypes?: TrustedTypePolicyFactory }).trustedTypes;

const policy = factory?.createPolicy("runlens", {
  createScriptURL: (address: string) => {
    if (!address.startsWith("blob:")) throw new TypeError("workers come from this page only");
    return address;
  },
});

/** A worker running a script of this page. */
export function startWorker(script: Blob, name: string): Worker {
  const address = URL.createObjectURL(script);
  const trusted: unknown = policy === undefined ? address : policy.createScriptURL(address);
  return new Worker(trusted as string, { name });
}

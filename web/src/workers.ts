// The one Trusted Types policy: it makes blob: worker addresses and nothing else.

const factory = (globalThis as { trustedTypes?: TrustedTypePolicyFactory }).trustedTypes;

const policy = factory?.createPolicy("runlens", {
  createScriptURL: (address: string) => {
    if (!address.startsWith("blob:")) throw new TypeError("workers come from this page only");
    return address;
  },
});

/** A worker running the script at a blob: address. */
export function startWorker(script: string, name: string): Worker {
  const address: unknown = policy === undefined ? script : policy.createScriptURL(script);
  return new Worker(address as string, { name });
}

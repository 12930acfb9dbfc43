import { describe, expect, it } from 'vitest';
import { actorOf, actors } from '../../../src/telemetry/actor.ts';

describe('the actor of a metric', () => {
  it.each([
    ['kubectl', 'kubectl'],
    ['kubectl-client-side-apply', 'kubectl'],
    ['kubectl-edit', 'kubectl'],
    ['argocd-controller', 'argocd'],
    ['kustomize-controller', 'flux'],
    ['helm-controller', 'flux'],
    ['helm', 'helm'],
    ['Terraform', 'terraform'],
    ['HashiCorp', 'terraform'],
    ['pulumi-kubernetes-3fa1c2', 'pulumi'],
    ['kube-controller-manager', 'kubernetes'],
    ['helmsman', 'other'],
    ['somebody-new', 'other'],
    ['', 'unknown'],
    [undefined, 'unknown'],
  ])('of the manager %j is %s', (manager, actor) => {
    expect(actorOf(manager)).toBe(actor);
  });

  it('is one of a few, whatever the managers are called', () => {
    const found = new Set(Array.from({ length: 10_000 }, (_, index) => actorOf(`tool-${index}`)));
    expect([...found]).toEqual(['other']);
    expect(actors.length).toBeLessThan(12);
  });
});

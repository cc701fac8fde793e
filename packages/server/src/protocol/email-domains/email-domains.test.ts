import fc from 'fast-check';
import { expect, it } from 'vitest';
import { allowsAddress } from './index.ts';

it.each([
  [[], [], 'a@people.example', true],
  [['people.example'], [], 'a@people.example', true],
  [['people.example'], [], 'a@sub.people.example', false],
  [['people.example'], [], 'a@otherpeople.example', false],
  [['.people.example'], [], 'a@sub.people.example', true],
  [['.people.example'], [], 'a@deep.sub.people.example', true],
  [['.people.example'], [], 'a@people.example', false],
  [['.people.example'], [], 'a@otherpeople.example', false],
  [['people.example', '.people.example'], [], 'a@people.example', true],
  [[], ['bad.example'], 'a@bad.example', false],
  [[], ['bad.example'], 'a@good.example', true],
  [[], ['.bad.example'], 'a@x.bad.example', false],
  [['.people.example'], ['bad.people.example'], 'a@bad.people.example', false],
  [['xn--bcher-kva.example'], [], 'a@xn--bcher-kva.example', true],
])('with allow list %j and deny list %j, allowsAddress(%s) is %s', (allow, deny, address, allowed) => {
  expect(allowsAddress({ allow, deny }, address)).toBe(allowed);
});

it('rejects a denied domain even when it is allowed', () => {
  const domain = fc.domain();
  fc.assert(
    fc.property(domain, fc.array(domain), (denied, allow) => {
      const lists = { allow: [...allow, denied], deny: [denied, `.${denied}`] };
      expect(allowsAddress(lists, `a@${denied}`)).toBe(false);
      expect(allowsAddress(lists, `a@x.${denied}`)).toBe(false);
    }),
  );
});

/** Hashes of other products, at least three for each scheme, with the source of each. */

/** A password and its hash. */
export type HashVector = readonly [password: string, text: string];

interface Scheme {
  /** A publication, or the independent implementation that computed the hashes. */
  readonly source: string;
  readonly vectors: readonly HashVector[];
}

/** The key of Firebase's published example. */
const firebaseKey = 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA';
const bytesTo31 = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
const salt16 = 'AAECAwQFBgcICQoLDA0ODw';
const ignoredAfter72 =
  '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored';
const longCryptPassword = 'a very much longer text to encrypt.  This one even stretches over morethan one line.';

/** The passwords of the vectors; none contains NUL. */
export const oldHashVectors = {
  'bcrypt $2a$': {
    source: 'the test set of crypt_blowfish (openwall.com/crypt)',
    vectors: [
      ['U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
      ['U*U*', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK'],
      ['', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy'],
      [ignoredAfter72, '$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui'],
    ],
  },
  'bcrypt $2b$ and $2y$': {
    source: 'the Python package bcrypt 5.0.0; the last one is from the test set above, which $2a$ and $2y$ share',
    vectors: [
      ['p\u00e4ssword', '$2b$06$abcdefghijklmnopqrstuucAvzVZyxm.jXt0xAt3LTP7vrnE0I5rG'],
      ['secret', '$2y$04$zyxwvutsrqponmlkjihgfeLEldsuYBkqSxhh6lAGORxWWNDcqX2Ly'],
      ['U*U', '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
    ],
  },
  argon2i: {
    source: 'the reference implementation, by the Python package argon2-cffi 25.1.0',
    vectors: [
      [
        'p\u00e4ssword',
        '$argon2i$v=19$m=64,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$jWPHhtviObQwSAM867zB2gPyr37CrZ/T1ma+P//jCaM',
      ],
      ['correct horse', `$argon2i$v=19$m=32,t=1,p=1$${salt16}$IlMIFqpTxha5686wnOQ/+suqYih1RIKs`],
      ['password', `$argon2i$v=19$m=256,t=3,p=4$${salt16}$4ShV6Dd73qBDoJ4poJub7fKznTYwckrorRF/N8HwaNM`],
    ],
  },
  argon2d: {
    source: 'the reference implementation, by the Python package argon2-cffi 25.1.0',
    vectors: [
      [
        'p\u00e4ssword',
        '$argon2d$v=19$m=64,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$f1srFXgIrUuFk2oMaeaCyZIA2kVY6E59Jl+krLG7Bvo',
      ],
      ['correct horse', `$argon2d$v=19$m=32,t=1,p=1$${salt16}$aLegLL2MAB9CdGJBtcS4HQIwbk72vr7u`],
      ['password', `$argon2d$v=19$m=256,t=3,p=4$${salt16}$lkyrRnuvLq9kcS56XANjozdFSGfz4a5GmL1XalNETTs`],
    ],
  },
  scrypt: {
    source: 'RFC 7914 §12, the first 32 bytes; the last one is computed by Python 3.11 hashlib.scrypt',
    vectors: [
      ['password', '$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWI'],
      ['pleaseletmein', '$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI'],
      [
        'p\u00e4ssword',
        `$scrypt$ln=10,r=8,p=1$${salt16}$W/Rtq72Htgcz3Syd3hrCAGsXSEqmMzUBgphIKWl53WGaFq+QwgFftIT9ViYcRCIj5Z+jTjucElVre40exWAFtA`,
      ],
    ],
  },
  'scrypt of Firebase': {
    source: 'the example of github.com/firebase/scrypt; the others by Python 3.11 hashlib.scrypt and openssl enc 3.0',
    vectors: [
      [
        'user1password',
        `$firebase-scrypt$ln=14,r=8$42xEC+ixf3L2lw$Bw$${firebaseKey}$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ`,
      ],
      [
        'p\u00e4ssword',
        `$firebase-scrypt$ln=10,r=8$AAECAwQFBgcICQ$Bw$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw$GBIqxC9FE5u952XUvh5MBvpJ3hVJxRsFKtIrRUUTzYMX5oJlGuqCQdEv1Ak01HtLLYBDTxkkZTkOxwKJLfmYgg`,
      ],
      [
        'correct horse',
        `$firebase-scrypt$ln=8,r=4$${salt16}$$${bytesTo31}$nWxYGpUCX3iopC+z2/uxar8x5LX8slz/xvhp0TBYC3o`,
      ],
    ],
  },
  'PBKDF2 as PHC string': {
    source: 'Python 3.11 hashlib.pbkdf2_hmac',
    vectors: [
      ['password', `$pbkdf2-sha1$i=1000,l=20$${salt16}$Awni/k4L3+fQ/kgo1BwjRBbi2b8`],
      ['p\u00e4ssword', `$pbkdf2-sha256$i=2000,l=32$${salt16}$ZjBBBr8MmJ2l9csZs49xJS7PQrQRYwTYzXxy3uRWXvM`],
      [
        'correct horse',
        `$pbkdf2-sha512$i=1500$${salt16}$fOkTdheJEKfyj+TrlononVP94tZIV+8S/K5+E6zYqQtLo94Fb0cNaJ1diKbnOOfigD/mOsB+PSUNp8Q5iiuMyw`,
      ],
      // RFC 6070 §2: the third and the fifth test.
      ['password', '$pbkdf2-sha1$i=4096,l=20$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE'],
      [
        'passwordPASSWORDpassword',
        '$pbkdf2-sha1$i=4096,l=25$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$PS7sT+QchJuAyNg2YsDkSospGpZM8vBwOA',
      ],
    ],
  },
  'PBKDF2 of passlib': {
    source: 'the test set of passlib 1.7.4',
    vectors: [
      ['password', '$pbkdf2$1212$OB.dtnSEXZK8U5cgxU/GYQ$y5LKPOplRmok7CZp/aqVDVg8zGI'],
      ['password', '$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ'],
      [
        'password',
        '$pbkdf2-sha512$1212$RHY0Fr3IDMSVO/RSZyb5ow$eNLfBK.eVozomMr.1gYa17k9B7KIK25NOEshvhrSX.esqY3s.FvWZViXz4KoLlQI.BzY/YTNJOiKc5gBYFYGww',
      ],
    ],
  },
  'PBKDF2 of Django': {
    source: 'Django 5.2.17',
    vectors: [
      ['p\u00e4ssword', 'pbkdf2_sha256$1000$seasalt123$WgEUAMQJZwez68bEXt5eRR+NCiU4YWV4KX7tfrTK2So='],
      ['l\u00e8tmein', 'pbkdf2_sha256$2000$seasalt$arBP+F7LSv46AxSyRYAi2XaEwAoObQyVT7IH1mqGQsk='],
      ['letmein', 'pbkdf2_sha1$1300$seasalt$G4FA7gRJ5cffz7LWm0rgaNHndbU='],
    ],
  },
  'ASP.NET Identity': {
    source: 'PasswordHasherTest of github.com/dotnet/aspnetcore: version 2, then version 3',
    vectors: [
      ['my password', 'AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg=='],
      ['my password', 'AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M'],
      [
        'my password',
        'AQAAAAEAA9CQAAAAIESkQuj2Du8Y+kbc5lcN/W/3NiAZFEm11P27nrSN5/tId+bR1SwV8CO1Jd72r4C08OLvplNlCDc3oQZ8efcW+jQ=',
      ],
      ['my password', 'AQAAAAIAACcQAAAAEAABAgMEBQYHCAkKCwwNDg9B0Oxwty+PGIDSp95gcCfzeDvA4sGapUIUov8usXfD6A=='],
    ],
  },
  'SHA-256-crypt': {
    source: 'SHA-crypt.txt of Ulrich Drepper; the last two by libxcrypt 4.4',
    vectors: [
      ['Hello world!', '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'],
      ['Hello world!', '$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA'],
      [longCryptPassword, '$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1'],
      ['no salt', '$5$$/PrbPOw6N0mAnHLmAtLQhvNDpt5zUm50BY0TEe2Bow0'],
      ['q'.repeat(256), '$5$rounds=1042$x$AT5aQyuxyIZVroztG4cbdDnbBkhlTN5zCg9AQGv5UgB'],
    ],
  },
  'SHA-512-crypt': {
    source: 'SHA-crypt.txt of Ulrich Drepper; the last two by openssl passwd 3.0 and libxcrypt 4.4',
    vectors: [
      [
        'Hello world!',
        '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
      ],
      [
        'Hello world!',
        '$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.',
      ],
      [
        longCryptPassword,
        '$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1',
      ],
      [
        'correct horse',
        '$6$opensslsalt$MoF2A/2FvWUOfdRMZPQEn6RfKUX0/B3JbTPgbbtgMLvAHKVJJ1pOHQEzuvREdvvsW/zAd/vUnOAm1T3zNw/xY1',
      ],
      [
        'q'.repeat(256),
        '$6$rounds=1001$x$K2UEgxWLKIVxjs1hQoiJ5BCa5orQVY890sQiW.hzk6yIdNe9j7EwNZLTkIUNBzPHVURh0uKBZVKDYyETTjKNh/',
      ],
    ],
  },
  phpass: {
    source: 'test.php of phpass 0.5; the test sets of John the Ripper 1.7.9 and of passlib 1.7.4',
    vectors: [
      ['test12345', '$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0'],
      ['thisisalongertestPW', '$P$912345678LIjjb6PhecupozNBmDndU0'],
      ['JohnRipper', '$H$712345678WhEyvy1YWzT4647jzeOmo0'],
      ['', '$P$7JaFQsPzJSuenezefD/3jHgt5hVfNH0'],
    ],
  },
  'LDAP, salted SHA and MD5': {
    source: 'the test set of passlib 1.7.4; the last two by Python 3.11 hashlib',
    vectors: [
      ['testing123', '{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr'],
      ['test', '{SSHA}P90+qijSp8MJ1tN25j5o1PflUvlqjXHOGeOckw=='],
      ['testing1234', '{SMD5}UjFY34os/pnZQ3oQOzjqGu4yeXE='],
      ['test', '{SMD5}LnuZPJhiaY95/4lmVFpg548xBsD4P4cw'],
      ['p\u00e4ssword', '{SSHA}p2tby0AN8hv5ewBge2b7EBmIpTQAAQIDBAUGBwgJCgsMDQ4P'],
      ['correct horse', '{SMD5}pHXEg7NCmFGYginEN5y0CwD/EA=='],
    ],
  },
  'LDAP, salted SHA-2': {
    source: 'Python 3.11 hashlib',
    vectors: [
      ['password', '{SSHA256}DIzeh0gCRMTRu9dAH3C3rr7fWkRT0Bp2ZdtRqvTX3XJzYWx0c2FsdA=='],
      ['p\u00e4ssword', '{SSHA256}uaFcAD4KRbRrGRaxMYR6ylmas9pjJfDX63XpLzZBGscAAQIDBAUGBwgJCgsMDQ4P'],
      [
        'p\u00e4ssword',
        '{SSHA512}puzBycDKM7B36sSEA6w1pDA07Q9lLo4L4wD1RJglYWBBCe+1Q9YqaftYkmgGESx1cavz+r1G+iu1xj1v6PgNUQABAgMEBQYHCAkKCwwNDg8=',
      ],
      [
        'correct horse',
        '{SSHA512}QFJMNMZSmkK9W2U92uoLwQdylVjbWV1CpRae28JhCUNGFldq6JW5QIrwp5LqMzMkuFIwBkU8seWv6DImXk7xGQD/EA==',
      ],
    ],
  },
  'LDAP, unsalted': {
    source: 'passlib 1.7.4; the last two by Python 3.11 hashlib',
    vectors: [
      ['p\u00e4ssword', '{SHA}I7dElEdfX4dJgLdnbVEeI9iG2mQ='],
      ['correct horse', '{SHA}L55TUjtiq8FBorTWAZ0jy6g129A='],
      ['correct horse', '{MD5}PLTnMmMfR+brlh80VUt83g=='],
      ['password', '{SHA256}XohImNooBHFR0OVvjcYpJ3NgPQ1qq73WKhHvch0VQtg='],
      ['password', '{SHA512}sQnzu7wkTrgkQZF+0G1hi5AI3Qmzvv0bXgc5THBqi7mAsdd4Xll27ASbRt9fEyavWi6m0QP9B8lThf+rDKy8hg=='],
    ],
  },
  hexadecimal: {
    source: 'Python 3.11 hashlib',
    vectors: [
      ['p\u00e4ssword', '$hex-md5$password$8e1843033a0f6ee52e2f618aa8ebbef4'],
      ['p\u00e4ssword', '$hex-md5$salt-password$TmFDbA$ba1c78b255e0eb576b0ca5789c4b6a18'],
      ['p\u00e4ssword', '$hex-sha1$password-salt$TmFDbA$0fda17ce9205ddad71ec72c53efb1eca73d2c1de'],
      ['p\u00e4ssword', '$hex-sha256$password$3478267b5612791b40988906b3a7897eb6ab501e04b95ed32f99d0afdf669d9c'],
      [
        'p\u00e4ssword',
        '$hex-sha256$salt-password$TmFDbA$d30896a189d97b17858f12eac6f5e95faa8619b06edf6bdc9cf6b1927b71b337',
      ],
      [
        'p\u00e4ssword',
        '$hex-sha512$password-salt$TmFDbA$5b1ad802c3281238f5ec4d6b2c300636556e366640ecfccc74e20e045aa93bfacd99d8dd4fe60866084a874e382e0989ebb0e52779e7da5ab5cf821e2f5f33e7',
      ],
    ],
  },
} as const satisfies Readonly<Record<string, Scheme>>;

/** All vectors with the name of their scheme. */
export const allOldHashVectors: readonly (readonly [scheme: string, password: string, text: string])[] = Object.entries(
  oldHashVectors,
).flatMap(([scheme, { vectors }]) => vectors.map(([password, text]) => [scheme, password, text] as const));

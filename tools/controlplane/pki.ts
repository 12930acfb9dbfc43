import { generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_kp_clientAuth,
  id_kp_serverAuth,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';

/** A certificate and its private key, both PEM. */
export interface CertificateAndKey {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Whom a certificate is for. */
export interface CertificateSubject {
  /** To the API server: the user's name. */
  readonly commonName: string;
  /** To the API server: the user's groups. */
  readonly organizations?: readonly string[];
  /** DNS names and addresses it serves under; a certificate without is for clients only. */
  readonly hosts?: readonly string[];
}

const oid = { commonName: '2.5.4.3', organization: '2.5.4.10', ecdsaWithSha256: '1.2.840.10045.4.3.2' };
/** Longer than any test or demo, short enough that a key left behind is soon worth nothing. */
const validityMs = 7 * 24 * 60 * 60 * 1000;
/** Clocks of two processes on one machine agree, but virtual machines that were asleep jump. */
const clockSkewMs = 60 * 60 * 1000;

/**
 * A certificate authority for one control plane. Node can read certificates but not make them: the encoding
 * comes from @peculiar/asn1-x509, the keys and signatures (ECDSA on P-256) from node:crypto.
 */
export class CertificateAuthority {
  readonly #certificate: string;
  readonly #privateKey: string;

  private constructor({ certificate, privateKey }: CertificateAndKey) {
    this.#certificate = certificate;
    this.#privateKey = privateKey;
  }

  /** Makes a new authority with a key of its own. */
  static create(commonName: string): CertificateAuthority {
    const keys = newKeys();
    const subject = distinguishedName({ commonName });
    const extensions = [
      extension(id_ce_basicConstraints, new BasicConstraints({ cA: true }), true),
      extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.keyCertSign), true),
    ];
    const certificate = signed(subject, subject, keys.publicKey, extensions, keys.privateKey);
    return new CertificateAuthority({ certificate, privateKey: toPem(keys.privateKey) });
  }

  /** Reads what {@link writeTo} wrote. */
  static readFrom(pathStem: string): CertificateAuthority {
    return new CertificateAuthority({
      certificate: readFileSync(`${pathStem}.crt`, 'utf8'),
      privateKey: readFileSync(`${pathStem}.key`, 'utf8'),
    });
  }

  /** The authority's own certificate, PEM: what verifies the others. */
  get certificate(): string {
    return this.#certificate;
  }

  /** Writes `<pathStem>.crt` and `<pathStem>.key`. */
  async writeTo(pathStem: string): Promise<void> {
    await writePair(pathStem, { certificate: this.#certificate, privateKey: this.#privateKey });
  }

  /** Issues a certificate and writes it to `<pathStem>.crt` and `<pathStem>.key`. */
  async issueTo(pathStem: string, subject: CertificateSubject): Promise<void> {
    await writePair(pathStem, this.issue(subject));
  }

  /** Issues a certificate with a new key. */
  issue(subject: CertificateSubject): CertificateAndKey {
    const keys = newKeys();
    const hosts = subject.hosts ?? [];
    const usages = hosts.length > 0 ? [id_kp_serverAuth, id_kp_clientAuth] : [id_kp_clientAuth];
    const extensions = [
      extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.digitalSignature), true),
      extension(id_ce_extKeyUsage, new ExtendedKeyUsage(usages)),
    ];
    if (hosts.length > 0) {
      const names = hosts.map(
        (host) => new GeneralName(isIP(host) ? { iPAddress: host } : { dNSName: host }),
      );
      extensions.push(extension(id_ce_subjectAltName, new SubjectAlternativeName(names)));
    }
    const issuer = AsnConvert.parse(new X509Certificate(this.#certificate).raw, Certificate).tbsCertificate
      .subject;
    const certificate = signed(
      distinguishedName(subject),
      issuer,
      keys.publicKey,
      extensions,
      this.#privateKey,
    );
    return { certificate, privateKey: toPem(keys.privateKey) };
  }
}

/** Writes a key pair for signing service account tokens to `<pathStem>.key` and `<pathStem>.pub`. */
export async function writeTokenSigningKey(pathStem: string): Promise<void> {
  const { privateKey, publicKey } = newKeys();
  await writeFile(`${pathStem}.key`, toPem(privateKey), { mode: 0o600 });
  await writeFile(`${pathStem}.pub`, publicKey.export({ type: 'spki', format: 'pem' }));
}

function newKeys(): { privateKey: KeyObject; publicKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function signed(
  subject: Name,
  issuer: Name,
  publicKey: KeyObject,
  extensions: Extension[],
  signingKey: KeyObject | string,
): string {
  const algorithm = new AlgorithmIdentifier({ algorithm: oid.ecdsaWithSha256 });
  const now = Date.now();
  const serialNumber = randomBytes(16);
  // A serial number is positive and without leading zeros (RFC 5280, 4.1.2.2).
  serialNumber[0] = 0x40 | (serialNumber.readUInt8(0) & 0x3f);
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: new Uint8Array(serialNumber).buffer,
    signature: algorithm,
    issuer,
    validity: new Validity({ notBefore: new Date(now - clockSkewMs), notAfter: new Date(now + validityMs) }),
    subject,
    subjectPublicKeyInfo: AsnConvert.parse(
      publicKey.export({ type: 'spki', format: 'der' }),
      SubjectPublicKeyInfo,
    ),
    extensions: new Extensions(extensions),
  });
  const signature = sign('sha256', new Uint8Array(AsnConvert.serialize(tbsCertificate)), signingKey);
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm: algorithm,
    signatureValue: new Uint8Array(signature).buffer,
  });
  return new X509Certificate(new Uint8Array(AsnConvert.serialize(certificate))).toString();
}

function distinguishedName({ commonName, organizations = [] }: CertificateSubject): Name {
  const attribute = (type: string, text: string): RelativeDistinguishedName =>
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String: text }) }),
    ]);
  return new Name([
    attribute(oid.commonName, commonName),
    ...organizations.map((organization) => attribute(oid.organization, organization)),
  ]);
}

function extension(extnID: string, value: object, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function toPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function writePair(pathStem: string, { certificate, privateKey }: CertificateAndKey): Promise<void> {
  await writeFile(`${pathStem}.crt`, certificate);
  await writeFile(`${pathStem}.key`, privateKey, { mode: 0o600 });
}

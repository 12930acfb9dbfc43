import { type FieldType, MalformedMessageError, type MessageType, message, text } from './message.ts';

/** The media type of what is in such envelopes. */
export const protobufType = 'application/vnd.kubernetes.protobuf';

/** What each object begins with. */
const magic = Buffer.from('k8s\0');

const typeMeta = message('TypeMeta', { 1: ['apiVersion', text], 2: ['kind', text] });

/** Bytes that are read once it is known what they are. */
interface Part {
  readonly start: number;
  readonly end: number;
}

const part: FieldType = {
  wire: 'delimited',
  read: (reader, end): Part => {
    const start = reader.pos;
    reader.pos = end;
    return { start, end };
  },
};

const unknown = message('Unknown', {
  1: ['typeMeta', typeMeta],
  2: ['raw', part],
  3: ['contentEncoding', text],
  4: ['contentType', text],
});

/**
 * An object as it travels by itself, with its kind before it: one of these.
 * Sources: https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding, and Unknown in
 * k8s.io/apimachinery/pkg/runtime/generated.proto
 */
export function envelope(...types: readonly MessageType[]): FieldType {
  return {
    wire: 'delimited',
    read: (reader, end) => {
      const start = reader.pos + magic.length;
      if (start > end || magic.compare(reader.buf, reader.pos, start) !== 0)
        throw new MalformedMessageError('an object does not begin as they do');
      reader.pos = start;
      const { typeMeta, raw } = unknown.read(reader, end) as {
        readonly typeMeta?: { readonly kind?: string };
        readonly raw?: Part;
      };
      const type = types.find(({ name }) => name === typeMeta?.kind);
      if (type === undefined || raw === undefined) {
        const expected = types.map(({ name }) => name).join(' or ');
        throw new MalformedMessageError(`an object of kind ${typeMeta?.kind} where ${expected} should be`);
      }
      reader.pos = raw.start;
      const object = type.read(reader, raw.end);
      reader.pos = end;
      return object;
    },
  };
}

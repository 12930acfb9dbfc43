/**
 * The metadata service of clouds, at its link-local addresses.
 * Source: https://www.rfc-editor.org/rfc/rfc3927 (169.254.0.0/16), and for both addresses
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
 */
import { derivedItems } from '../../api/names.ts';
import type { CloudMetadataPeer } from '../../api/types.generated.ts';
import { ipBlocks } from './cidrs.ts';
import type { NamedPeer } from './peer.ts';

const addresses = ['169.254.169.254/32', 'fd00:ec2::254/128'];

/** Egress to the metadata service, over HTTP. */
export const cloudMetadataPeer: NamedPeer<CloudMetadataPeer> = {
  item: derivedItems.allowCloudMetadata,
  directions: ['Egress'],
  expand: () => ({ egress: [{ to: ipBlocks(addresses), ports: [{ protocol: 'TCP', port: 80 }] }] }),
};

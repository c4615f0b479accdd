/*
 * Reads a chip with JMRTD, which we did not write. The chip connects to this program over the vpcd socket (a length of two bytes
 * and so many bytes), so no card service is needed. What was read goes to standard output, one "word value" a line; the test that
 * started us compares it with what was personalised.
 *
 * Arguments: document number, date of birth, date of expiry (YYMMDD), the way in ("bac", "pace" or "can:NNNNNN"), the longest block,
 * and where DG3 shall be read a terminal key (PKCS #8) and the CV certificates for it, in the order in which the chip sees them.
 */

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.InputStream;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Security;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import net.sf.scuba.smartcards.CardFileInputStream;
import net.sf.scuba.smartcards.CardService;
import net.sf.scuba.smartcards.CardServiceException;
import net.sf.scuba.smartcards.CommandAPDU;
import net.sf.scuba.smartcards.ResponseAPDU;
import org.bouncycastle.jcajce.provider.asymmetric.util.EC5Util;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.math.ec.ECCurve;
import org.bouncycastle.math.ec.ECPoint;
import org.jmrtd.BACKey;
import org.jmrtd.DefaultFileSystem;
import org.jmrtd.PACEKeySpec;
import org.jmrtd.PassportService;
import org.jmrtd.Util;
import org.jmrtd.cert.CardVerifiableCertificate;
import org.jmrtd.cert.CVCertificateFactorySpi;
import org.jmrtd.lds.ActiveAuthenticationInfo;
import org.jmrtd.lds.CardAccessFile;
import org.jmrtd.lds.CardSecurityFile;
import org.jmrtd.lds.ChipAuthenticationInfo;
import org.jmrtd.lds.ChipAuthenticationPublicKeyInfo;
import org.jmrtd.lds.PACEInfo;
import org.jmrtd.lds.SODFile;
import org.jmrtd.lds.SecurityInfo;
import org.jmrtd.lds.icao.DG14File;
import org.jmrtd.lds.icao.DG15File;
import org.jmrtd.lds.icao.DG1File;
import org.jmrtd.lds.icao.DG2File;
import org.jmrtd.protocol.EACCAResult;
import org.jmrtd.protocol.EACTAResult;
import org.jmrtd.protocol.PACECAMResult;
import org.jmrtd.protocol.PACEGMMappingResult;
import org.jmrtd.protocol.PACEResult;
import org.jmrtd.protocol.ReadBinaryAPDUSender;

public class JmrtdReader {

  /** A chip on the other end of a socket. */
  static class SocketCardService extends CardService {
    private final DataInputStream in;
    private final DataOutputStream out;
    int apdus;

    SocketCardService(Socket socket) throws Exception {
      socket.setTcpNoDelay(true);
      in = new DataInputStream(socket.getInputStream());
      out = new DataOutputStream(new java.io.BufferedOutputStream(socket.getOutputStream(), 70_000));
    }

    void order(int control) throws Exception {
      out.writeShort(1);
      out.writeByte(control);
      out.flush();
    }

    @Override public void open() { }
    @Override public boolean isOpen() { return true; }
    @Override public void close() { }
    @Override public byte[] getATR() { return new byte[0]; }
    @Override public boolean isConnectionLost(Exception e) { return false; }

    @Override public ResponseAPDU transmit(CommandAPDU command) throws CardServiceException {
      try {
        byte[] bytes = command.getBytes();
        out.writeShort(bytes.length);
        out.write(bytes);
        out.flush();
        byte[] answer = new byte[in.readUnsignedShort()];
        in.readFully(answer);
        apdus++;
        return new ResponseAPDU(answer);
      } catch (Exception e) {
        throw new CardServiceException("the chip left: " + e);
      }
    }
  }

  static void say(String word, Object value) {
    System.out.println(word + " " + value);
    System.out.flush();
  }

  static byte[] read(PassportService passport, short file) throws Exception {
    try (InputStream stream = passport.getInputStream(file)) {
      return stream.readAllBytes();
    }
  }

  static String digest(String algorithm, byte[] data) throws Exception {
    return hex(MessageDigest.getInstance(algorithm).digest(data));
  }

  static String hex(byte[] data) {
    return java.util.HexFormat.of().formatHex(data);
  }

  public static void main(String[] arguments) throws Exception {
    Security.insertProviderAt(new BouncyCastleProvider(), 1);
    java.util.logging.LogManager.getLogManager().reset();
    String way = arguments[3];
    int block = Integer.parseInt(arguments[4]);
    ServerSocket listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    say("port", listening.getLocalPort());
    SocketCardService service = new SocketCardService(listening.accept());
    service.order(1);
    PassportService passport = new PassportService(service, 256, block, false, true);
    passport.open();
    BACKey key = new BACKey(arguments[0], arguments[1], arguments[2]);
    long begun = System.nanoTime();
    PACEResult pace = null;
    if (way.equals("bac")) {
      passport.sendSelectApplet(false);
      passport.doBAC(key);
      say("bac", "done");
    } else {
      pace = pace(passport, way.startsWith("can:") ? PACEKeySpec.createCANKey(way.substring(4)) : PACEKeySpec.createMRZKey(key));
      if (pace instanceof PACECAMResult) {
        cam(service, passport, block, (PACECAMResult) pace);
      }
      passport.sendSelectApplet(true);
    }
    Map<Integer, byte[]> groups = new TreeMap<>();
    SODFile security = new SODFile(new ByteArrayInputStream(read(passport, PassportService.EF_SOD)));
    EACCAResult chipAuthentication = null;
    if (security.getDataGroupHashes().containsKey(14)) {
      groups.put(14, read(passport, PassportService.EF_DG14));
      chipAuthentication = chipAuthentication(passport, new DG14File(new ByteArrayInputStream(groups.get(14))));
    }
    groups.put(1, read(passport, PassportService.EF_DG1));
    groups.put(2, read(passport, PassportService.EF_DG2));
    if (security.getDataGroupHashes().containsKey(15)) {
      groups.put(15, read(passport, PassportService.EF_DG15));
      activeAuthentication(passport, groups);
    }
    if (arguments.length > 5) {
      terminalAuthentication(passport, arguments, chipAuthentication, pace);
      groups.put(3, read(passport, PassportService.EF_DG3));
    }
    say("ms", (System.nanoTime() - begun) / 1_000_000);
    say("apdus", service.apdus);
    say("mrz", new DG1File(new ByteArrayInputStream(groups.get(1))).getMRZInfo().toString().replace("\n", "").trim());
    say("faces", new DG2File(new ByteArrayInputStream(groups.get(2))).getFaceInfos().size());
    for (Map.Entry<Integer, byte[]> group : groups.entrySet()) {
      String found = digest(security.getDigestAlgorithm(), group.getValue());
      String signed = hex(security.getDataGroupHashes().get(group.getKey()));
      say("dg" + group.getKey(), digest("SHA-256", group.getValue()) + " " + (found.equals(signed) ? "signed" : "CHANGED"));
    }
    say("end", "ok");
  }

  /** PACE by the first way that the chip offers. */
  static PACEResult pace(PassportService passport, PACEKeySpec key) throws Exception {
    CardAccessFile access = new CardAccessFile(new ByteArrayInputStream(read(passport, PassportService.EF_CARD_ACCESS)));
    for (SecurityInfo info : access.getSecurityInfos()) {
      if (info instanceof PACEInfo) {
        PACEInfo offered = (PACEInfo) info;
        PACEResult result =
            passport.doPACE(key, offered.getObjectIdentifier(), PACEInfo.toParameterSpec(offered.getParameterId()), null);
        say("pace", result.getMappingType() + " " + result.getAgreementAlg() + " " + result.getCipherAlg() + " " + result.getKeyLength());
        return result;
      }
    }
    throw new IllegalStateException("no PACEInfo");
  }

  /** PACE-CAM: the chip's mapping key must be its static key of EF.CardSecurity times the decrypted proof (Doc 9303-11 4.4.3.5). */
  static void cam(CardService service, PassportService passport, int block, PACECAMResult result) throws Exception {
    DefaultFileSystem master = new DefaultFileSystem(new ReadBinaryAPDUSender(service), false);
    master.setWrapper(passport.getWrapper());
    master.selectFile(PassportService.EF_CARD_SECURITY);
    CardSecurityFile file = new CardSecurityFile(new CardFileInputStream(block, master));
    BigInteger quotient = new BigInteger(1, chipAuthenticationData(passport, result));
    ECPublicKey mapping = (ECPublicKey) ((PACEGMMappingResult) result.getMappingResult()).getPICCMappingPublicKey();
    for (ChipAuthenticationPublicKeyInfo info : file.getChipAuthenticationPublicKeyInfos()) {
      ECPublicKey fixed = (ECPublicKey) info.getSubjectPublicKey();
      ECCurve curve = EC5Util.convertCurve(fixed.getParams().getCurve());
      ECPoint proven = EC5Util.convertPoint(curve, fixed.getW()).multiply(quotient);
      say("cam", proven.normalize().equals(EC5Util.convertPoint(curve, mapping.getW()).normalize()) ? "holds" : "FAILS");
    }
  }

  /** JMRTD 0.8.8 decrypts these with the starting value FF..FF instead of its encryption, so they are decrypted here. */
  static byte[] chipAuthenticationData(PassportService passport, PACECAMResult result) throws Exception {
    byte[] ones = new byte[16];
    Arrays.fill(ones, (byte) 0xFF);
    Cipher block = Cipher.getInstance("AES/ECB/NoPadding");
    block.init(Cipher.ENCRYPT_MODE, passport.getWrapper().getEncryptionKey());
    Cipher chain = Cipher.getInstance("AES/CBC/NoPadding");
    chain.init(Cipher.DECRYPT_MODE, passport.getWrapper().getEncryptionKey(), new IvParameterSpec(block.doFinal(ones)));
    return Util.unpad(chain.doFinal(result.getEncryptedChipAuthenticationData()));
  }

  static EACCAResult chipAuthentication(PassportService passport, DG14File file) throws Exception {
    List<ChipAuthenticationInfo> infos = file.getChipAuthenticationInfos();
    for (ChipAuthenticationPublicKeyInfo key : file.getChipAuthenticationPublicKeyInfos()) {
      for (ChipAuthenticationInfo info : infos) {
        if (key.getKeyId() == null || key.getKeyId().equals(info.getKeyId())) {
          EACCAResult result =
              passport.doEACCA(key.getKeyId(), info.getObjectIdentifier(), key.getObjectIdentifier(), key.getSubjectPublicKey());
          say("ca", info.getProtocolOIDString());
          return result;
        }
      }
    }
    return null;
  }

  static void activeAuthentication(PassportService passport, Map<Integer, byte[]> groups) throws Exception {
    PublicKey key = new DG15File(new ByteArrayInputStream(groups.get(15))).getPublicKey();
    byte[] challenge = new byte[8];
    new java.security.SecureRandom().nextBytes(challenge);
    byte[] answer = passport.doAA(key, null, null, challenge).getResponse();
    say("aa", (key instanceof RSAPublicKey ? signedByRsa(key, challenge, answer) : signedOnCurve(key, challenge, answer, groups)) ? "holds" : "FAILS");
  }

  /** ISO/IEC 9796-2 with partial recovery; JMRTD recovers the message, the hash is compared here. */
  static boolean signedByRsa(PublicKey key, byte[] challenge, byte[] answer) throws Exception {
    Cipher cipher = Cipher.getInstance("RSA/ECB/NoPadding");
    cipher.init(Cipher.DECRYPT_MODE, key);
    byte[] plain = cipher.doFinal(answer);
    boolean shortTrailer = plain[plain.length - 1] == (byte) 0xBC;
    MessageDigest digest = MessageDigest.getInstance(shortTrailer ? "SHA-1" : "SHA-256");
    digest.update(Util.recoverMessage(digest.getDigestLength(), plain));
    byte[] hash = digest.digest(challenge);
    int end = plain.length - (shortTrailer ? 1 : 2);
    return Arrays.equals(hash, Arrays.copyOfRange(plain, end - hash.length, end));
  }

  static boolean signedOnCurve(PublicKey key, byte[] challenge, byte[] answer, Map<Integer, byte[]> groups) throws Exception {
    DG14File file = new DG14File(new ByteArrayInputStream(groups.get(14)));
    String oid = file.getActiveAuthenticationInfos().get(0).getSignatureAlgorithmOID();
    String name = ActiveAuthenticationInfo.lookupMnemonicByOID(oid).toUpperCase().replace("WITHECDSA", "withPLAIN-ECDSA");
    Signature verifier = Signature.getInstance(name, "BC");
    verifier.initVerify(key);
    verifier.update(challenge);
    return verifier.verify(answer);
  }

  static void terminalAuthentication(PassportService passport, String[] arguments, EACCAResult ca, PACEResult pace) throws Exception {
    byte[] encoded = Files.readAllBytes(Path.of(arguments[5]));
    List<CardVerifiableCertificate> chain = new ArrayList<>();
    for (String name : Arrays.copyOfRange(arguments, 6, arguments.length)) {
      try (InputStream stream = Files.newInputStream(Path.of(name))) {
        chain.add((CardVerifiableCertificate) new CVCertificateFactorySpi().engineGenerateCertificate(stream));
      }
    }
    CardVerifiableCertificate last = chain.get(chain.size() - 1);
    java.security.PrivateKey key = KeyFactory.getInstance("EC", "BC").generatePrivate(new PKCS8EncodedKeySpec(encoded));
    String algorithm = last.getSigAlgName();
    EACTAResult result = pace == null
        ? passport.doEACTA(chain.get(0).getAuthorityReference(), chain, key, algorithm, ca, arguments[0])
        : passport.doEACTA(chain.get(0).getAuthorityReference(), chain, key, algorithm, ca, pace);
    say("ta", result.getCAReference());
  }
}
